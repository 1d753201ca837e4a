import type { Connection } from "@socketserver/core";

/** Say a line, and answer the line that comes back; empty if the other side ended instead. */
export async function ask(client: Connection, command: string): Promise<string> {
  await client.sendAll(`${command}\n`);
  return String(await client.recv()).trim();
}
