import { once } from "node:events";
import { createServer, Socket, type AddressInfo } from "node:net";
import { duplexPair, type Duplex } from "node:stream";

import { socketPair } from "./socket-pair.ts";
import { temporaryPath } from "./temporary-path.ts";

/** Two ends of one stream. */
export interface StreamPair extends AsyncDisposable {
  /** Unread, and half-open when the other end ends. */
  readonly stream: Duplex;
  readonly peer: Duplex;
}

/** A TCP socket of a class of its own, as TLS has one. */
export class OwnSocket extends Socket {}

/** The kinds of streams that connections wrap, by the way in which their chunks come out. */
export const STREAM_KINDS: Readonly<Record<string, () => Promise<StreamPair>>> = {
  "an accepted TCP socket": async () => {
    const { server, client, ...pair } = await socketPair();
    return { stream: server, peer: client, ...pair };
  },
  "a TCP socket that connected": async () => {
    const { server, client, ...pair } = await socketPair();
    return { stream: client, peer: server, ...pair };
  },
  "a Unix socket": async () => {
    const { server, client, ...pair } = await socketPair(await temporaryPath());
    return { stream: server, peer: client, ...pair };
  },
  "a socket of another class": ownSocketPair,
  "a Duplex": async () => {
    const [stream, peer] = duplexPair({ allowHalfOpen: true });
    return { stream, peer, [Symbol.asyncDispose]: async () => void [stream, peer].map((end) => end.destroy()) };
  },
};

async function ownSocketPair(): Promise<StreamPair> {
  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  listener.listen({ host: "127.0.0.1", port: 0 });
  await once(listener, "listening");
  const accepted = once(listener, "connection") as Promise<[Socket]>;
  const stream = new OwnSocket({ allowHalfOpen: true });
  stream.connect({ host: "127.0.0.1", port: (listener.address() as AddressInfo).port });
  stream.on("error", () => {});
  await once(stream, "connect");
  const [peer] = await accepted;
  listener.close();
  return {
    stream,
    peer,
    async [Symbol.asyncDispose]() {
      stream.destroy();
      peer.destroy();
      await Promise.all([stream, peer].map(async (end) => end.closed || once(end, "close")));
    },
  };
}
