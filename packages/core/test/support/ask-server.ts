import type { Address } from "@socketserver/core";
import { talkDatagram } from "@socketserver/testing";

import { Visitor } from "./visitor.ts";

/** Ask a server with `AskingHandler` or `AskingPacketHandler` something, as a client that comes for nothing else. */
export async function askServer(
  cell: { readonly stream: boolean },
  address: Address,
  command: string,
): Promise<unknown> {
  if (!cell.stream) return JSON.parse(String(await talkDatagram(address, command)));
  const visitor = await Visitor.enter(address);
  const answer = await visitor.ask(command);
  await visitor.leave();
  return answer;
}
