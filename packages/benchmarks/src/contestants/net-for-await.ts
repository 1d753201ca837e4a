/** The way in Node that reads like ours. */
import { createServer, type AddressInfo, type Socket } from "node:net";

import { listening } from "./listening.ts";

async function echo(socket: Socket): Promise<void> {
  for await (const chunk of socket) socket.write(chunk as Buffer);
  socket.end();
}

const server = createServer({ allowHalfOpen: true }, (socket) => {
  echo(socket).catch(() => socket.destroy());
});
server.listen(0, "127.0.0.1", () => listening((server.address() as AddressInfo).port));
