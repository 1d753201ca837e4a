import { duplexPair, type Duplex } from "node:stream";

import type { CloseReason } from "../../src/close-reason.ts";
import { MovedRequest } from "../../src/server/moved-request.ts";
import { RequestRegistry } from "../../src/server/registry.ts";
import { Connection } from "../../src/transport/connection.ts";
import { Datagram } from "../../src/transport/datagram.ts";
import type { DatagramSocket } from "../../src/transport/datagram-socket.ts";
import type { Cargo } from "../../src/worker/cargo.ts";

/** Its constructor is not declared to those outside of the package. */
const Moved = MovedRequest as new (...parts: unknown[]) => MovedRequest;

const clientAddress = { host: "192.0.2.1", port: 1 };

/** Where requests for workers come from; it remembers how they ended. */
export class CargoHold {
  /** The id and reason of each request that was closed, in order. */
  readonly closed: (readonly [id: number, reason: CloseReason])[] = [];
  /** Called when a request is closed. */
  onClosed: () => void = () => {};
  readonly registry = new RequestRegistry({
    taken: () => {},
    control: (_record, request) => ({ drain: () => request.drain(), cut: (reason) => request.cut(reason) }),
    closed: ({ id }, reason) => {
      this.closed.push([id, reason]);
      this.onClosed();
    },
  });

  /** Requests of which something is left. */
  get size(): number {
    return this.registry.size;
  }

  connection(stream: Duplex = duplexPair()[0]): Cargo {
    return this.#wrap(new Connection(stream, { held: true, remoteAddress: clientAddress }));
  }

  datagram(text: string, socket: DatagramSocket): Cargo {
    return this.#wrap(new Datagram(Buffer.from(text), socket, clientAddress));
  }

  /** The server begins to drain, or a deadline is over. */
  drain(cargo: Cargo): void {
    this.registry.get(cargo.request.id)?.drain();
  }

  #wrap(content: Connection | Datagram): Cargo {
    const record = this.registry.take(content, clientAddress);
    return { request: new Moved(this.registry, record), content, clientAddress };
  }
}
