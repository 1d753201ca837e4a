/**
 * A chat over TCP (RFC 9293) whose rooms span threads.
 *
 * Isolated: memory. A thread's variables are its own, so members meet in a `BroadcastChannel`, which crosses threads (and not processes). Not
 * isolated: the room; everyone in it hears everyone, also themselves, and who does not read misses lines.
 *
 *     node examples/threaded-chat.ts             (or: node examples/threaded-chat.ts 6000, or PORT=6000)
 *     nc 127.0.0.1 5056                          (in several terminals; the first line is your name and a room: Ann garden)
 */
import { StreamRequestHandler, TCPServer, ThreadingMixIn } from "@socketserver/core";
import { threadId } from "node:worker_threads";
import { portOr, start } from "./start.ts";

export class RoomHandler extends StreamRequestHandler {
  #waiting = 0;
  override async handle(): Promise<void> {
    const [name = "", room = ""] = textOf(await this.rfile.readLine()).split(" ");
    const members = new BroadcastChannel(`room ${room}`);
    members.addEventListener("message", ({ data }) => void this.#hear(String(data)));
    const say = (text: string): Promise<void> => (members.postMessage(text), this.#hear(text));
    try {
      await say(`* ${name} is here, in thread ${threadId}`);
      for await (const line of this.rfile) await say(`${name}: ${textOf(line)}`);
    } finally {
      members.close();
    }
  }
  async #hear(text: string): Promise<void> {
    if (++this.#waiting <= 100) await this.request.sendAll(`${text}\n`).catch(() => undefined);
    this.#waiting--;
  }
}
export class RoomServer extends ThreadingMixIn(TCPServer) {}
const textOf = (line: Buffer): string => line.toString().replaceAll(/\p{Cc}/gu, "");

if (import.meta.main) {
  await using server = new RoomServer({ port: portOr(5056) }, RoomHandler, { threading: { threads: 4 } });
  await start(server, ({ host, port }) => `  nc ${host} ${port}`);
}
