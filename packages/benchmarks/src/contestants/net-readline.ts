/** Lines as Node offers them, in one of two forms: `event` or `iterate`. */
import { createServer, type AddressInfo, type Socket } from "node:net";
import { createInterface } from "node:readline";

import { listening } from "./listening.ts";

function withEvents(socket: Socket): void {
  const lines = createInterface({ input: socket });
  lines.on("line", (line) => socket.write(`${line}\n`));
  lines.on("close", () => socket.end());
}

async function withIteration(socket: Socket): Promise<void> {
  for await (const line of createInterface({ input: socket })) socket.write(`${line}\n`);
  socket.end();
}

const iterate = process.argv[2] === "iterate";
const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  socket.on("error", () => {});
  if (iterate) withIteration(socket).catch(() => socket.destroy());
  else withEvents(socket);
});
server.listen(0, "127.0.0.1", () => listening((server.address() as AddressInfo).port));
