import {
  Connection,
  runHandler as run,
  type Address,
  type BaseServer,
  type CloseReason,
  type HandlerClass,
} from "@socketserver/core";
import { duplexPair } from "node:stream";

/** What surrounds the handler. */
export interface HandlerSurroundings {
  /** `this.clientAddress` of the handler. @defaultValue `{ host: "192.0.2.1", port: 50000 }` */
  readonly clientAddress?: Address;
  /** `this.server` of the handler: as much of a server as it uses. @defaultValue `{}` */
  readonly server?: object;
}

/** What a handler did. */
export interface HandlerOutcome {
  /** Everything that it sent. */
  readonly output: Buffer;
  /** What it threw, if it did. */
  readonly error?: unknown;
  /** Why its connection is closed. */
  readonly closeReason: CloseReason;
}

/**
 * Run a handler without a socket and without a server: it reads the input, then end-of-stream; the answer is what it sent.
 *
 * @example
 * ```ts run
 * import { BaseRequestHandler } from "@socketserver/core";
 * import { runHandler } from "@socketserver/testing";
 *
 * class UpperHandler extends BaseRequestHandler {
 *   override async handle(): Promise<void> {
 *     for await (const chunk of this.request) await this.request.sendAll(chunk.toString().toUpperCase());
 *   }
 * }
 *
 * const { output, closeReason } = await runHandler(UpperHandler, "hello");
 * console.log(String(output), closeReason);
 * ```
 *
 * ```text
 * HELLO peer-end
 * ```
 */
export async function runHandler(
  Handler: HandlerClass,
  input: string | Uint8Array,
  surroundings: HandlerSurroundings = {},
): Promise<HandlerOutcome> {
  const { clientAddress = { host: "192.0.2.1", port: 50_000 }, server = {} } = surroundings;
  const [ours, theirs] = duplexPair({ allowHalfOpen: true });
  const output: Buffer[] = [];
  ours.on("data", (chunk: Buffer) => output.push(chunk));
  ours.end(input);
  const connection = new Connection(theirs, { remoteAddress: clientAddress });
  let failure: { readonly error?: unknown } = {};
  try {
    await run(new Handler(connection, clientAddress, server as BaseServer as never));
    connection.conclude("done");
  } catch (error) {
    failure = { error };
    // Unless more is known already: an error of setup() is told to nobody else.
    connection.conclude("handler-error");
  }
  await connection.close();
  ours.destroy();
  return { output: Buffer.concat(output), closeReason: await connection.closed, ...failure };
}
