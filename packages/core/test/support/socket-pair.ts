import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** Two ends of one connection. */
export interface SocketPair extends AsyncDisposable {
  /** The accepted end, paused and unread. */
  readonly server: Socket;
  /** The end that connected; it stays half-open. */
  readonly client: Socket;
}

/** Connect two sockets, over TCP on the loopback interface or over a Unix socket at `path`. */
export async function socketPair(path?: string): Promise<SocketPair> {
  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  listener.listen(path === undefined ? { host: "127.0.0.1", port: 0 } : { path });
  await once(listener, "listening");
  const target = path === undefined ? { port: (listener.address() as AddressInfo).port, host: "127.0.0.1" } : { path };
  const accepted = once(listener, "connection") as Promise<[Socket]>;
  const client = connect({ ...target, allowHalfOpen: true });
  // A test that cares about the error of its client listens itself.
  client.on("error", () => {});
  await once(client, "connect");
  const [server] = await accepted;
  listener.close();
  return {
    server,
    client,
    async [Symbol.asyncDispose]() {
      await Promise.all(
        [server, client].map(async (socket) => {
          if (socket.closed) return;
          socket.destroy();
          if (!socket.closed) await once(socket, "close");
        }),
      );
    },
  };
}
