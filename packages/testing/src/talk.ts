import type { Address } from "@socketserver/core";
import { createSocket } from "node:dgram";

import { dial } from "./dial.ts";

/** How to talk. */
export interface TalkSettings {
  /** Whether to end our side after the input. @defaultValue `true` */
  readonly halfClose?: boolean;
  /** How long the server may be silent, in milliseconds. @defaultValue `10000` */
  readonly timeoutMs?: number;
}

/** Connect, send the input, end our side, and answer everything that the server sends until it ends its own. */
export async function talk(address: Address, input: string | Uint8Array, settings: TalkSettings = {}): Promise<Buffer> {
  const { halfClose = true, timeoutMs = 10_000 } = settings;
  await using connection = await dial(address, { idleTimeoutMs: timeoutMs });
  // At the same time: a server that echoes while it reads would else wait for us as we wait for it.
  const sending = connection.sendAll(input).then(() => {
    if (halfClose) connection.shutdown("write");
  });
  sending.catch(() => {
    // A failure to read tells the same, sooner.
  });
  const output: Buffer[] = [];
  for await (const chunk of connection) output.push(chunk);
  await sending;
  return Buffer.concat(output);
}

/**
 * Send one datagram, and answer the first that comes back; undefined if none comes in time.
 *
 * @throws the system's error, such as `EMSGSIZE` or `ENOTFOUND`, if it cannot be sent.
 */
export async function talkDatagram(
  address: Address,
  packet: string | Uint8Array,
  settings: { readonly timeoutMs?: number } = {},
): Promise<Buffer | undefined> {
  if ("path" in address)
    throw new TypeError(`Cannot send datagram: address must have host and port, received the path ${address.path}`);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
  const time = AbortSignal.timeout(settings.timeoutMs ?? 10_000);
  time.addEventListener("abort", () => resolve(undefined));
  const socket = createSocket(address.host.includes(":") ? "udp6" : "udp4");
  socket.on("message", (answer) => resolve(answer)).on("error", reject);
  try {
    socket.send(packet, address.port, address.host, (error) => {
      if (error) reject(error);
    });
    return await promise;
  } finally {
    socket.close();
  }
}
