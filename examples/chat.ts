/**
 * A chat, line by line over TCP (RFC 9293): handlers share state, and who does not read misses lines, so that nobody waits.
 *
 *     node examples/chat.ts                      (or: node examples/chat.ts 6000, or PORT=6000)
 *     nc 127.0.0.1 5052                          (in several terminals)
 */
import { AsyncMixIn, StreamRequestHandler, TCPServer } from "@socketserver/core";
import { portOr, start } from "./start.ts";

export class ChatServer extends AsyncMixIn(TCPServer) {
  readonly members = new Map<string, ChatHandler>();
  broadcast = (line: string): void => this.members.forEach((member) => void member.tell(`${line}\n`));
}
export class ChatHandler extends StreamRequestHandler<ChatServer> {
  #waiting = 0;
  override async handle(): Promise<void> {
    const { broadcast, members } = this.server;
    await this.request.sendAll("Your name? ");
    const name = textOf(await this.rfile.readLine()).slice(0, 20);
    if (name === "" || members.has(name)) return this.request.sendAll("That name is empty or taken.\n");
    members.set(name, this);
    try {
      broadcast(`* ${name} is here`);
      for await (const line of this.rfile) broadcast(`${name}: ${textOf(line)}`);
    } finally {
      members.delete(name);
      broadcast(`* ${name} has left`);
    }
  }
  /** At most 100 lines wait for a member; one who is gone is noticed in `handle()`. */
  async tell(line: string): Promise<void> {
    if (++this.#waiting <= 100) await this.request.sendAll(line).catch(() => undefined);
    this.#waiting--;
  }
}
const textOf = (line: Buffer): string => line.toString().replaceAll(/\p{Cc}/gu, "");
if (import.meta.main) {
  await using server = new ChatServer({ port: portOr(5052) }, ChatHandler);
  await start(server, ({ host, port }) => `  nc ${host} ${port}`);
}
