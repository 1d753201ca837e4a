import {
  Connection,
  runHandler,
  type Address,
  type BaseServer,
  type ConnectionOptions,
  type HandlerClass,
} from "@socketserver/core";
import { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";

const clientAddress: Address = { host: "192.0.2.1", port: 50_000 };

/** A stream whose far end is the test: it says what comes, chunk by chunk, and sees each write. */
export class FarEnd extends Duplex {
  /** Each write that came, in order. */
  readonly writes: Buffer[] = [];

  constructor() {
    super({ allowHalfOpen: true });
  }

  /** Everything that came. */
  get received(): string {
    return Buffer.concat(this.writes).toString();
  }

  /** Say each chunk in a turn of its own. */
  async say(...chunks: readonly (string | Uint8Array)[]): Promise<void> {
    for (const chunk of chunks) {
      this.push(Buffer.from(chunk));
      await nextTurn();
    }
  }

  /** End our side. */
  hangUp(): void {
    this.push(null);
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.writes.push(bytes);
    done();
  }
}

/** Run a handler on a stream, as a server does, and close the connection afterwards. */
export async function handle(Handler: HandlerClass, stream: Duplex, options: ConnectionOptions = {}): Promise<void> {
  const connection = new Connection(stream, { remoteAddress: clientAddress, lingerMs: 0, ...options });
  try {
    await runHandler(new Handler(connection, clientAddress, {} as BaseServer as never));
  } finally {
    await connection.close();
  }
}
