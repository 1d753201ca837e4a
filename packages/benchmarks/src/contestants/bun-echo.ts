/** Bun's own sockets. What a full socket does not take is dropped: with 64 bytes in flight it is never full. */
import { listening } from "./listening.ts";

/** As much of Bun as is used here. */
interface BunSocket {
  write(data: Uint8Array): number;
  end(): void;
}

interface BunRuntime {
  listen(options: {
    readonly hostname: string;
    readonly port: number;
    readonly allowHalfOpen: boolean;
    readonly socket: {
      data(socket: BunSocket, data: Uint8Array): void;
      end(socket: BunSocket): void;
    };
  }): { readonly port: number };
}

const { Bun } = globalThis as unknown as { readonly Bun: BunRuntime };

const { port } = Bun.listen({
  hostname: "127.0.0.1",
  port: 0,
  allowHalfOpen: true,
  socket: {
    data(socket, data) {
      socket.write(data);
    },
    end(socket) {
      socket.end();
    },
  },
});
listening(port);
