/** Lines split by hand, each written as it is found. What is left waits for its end. */
import { createServer, type AddressInfo, type Socket } from "node:net";

import { listening } from "./listening.ts";

const NEWLINE = 10;

function echoLines(socket: Socket): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = data.indexOf(NEWLINE); end !== -1; end = data.indexOf(NEWLINE, start)) {
      socket.write(data.subarray(start, end + 1));
      start = end + 1;
    }
    rest = data.subarray(start);
  });
}

const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  echoLines(socket);
  socket.on("end", () => socket.end());
  socket.on("error", () => {});
});
server.listen(0, "127.0.0.1", () => listening((server.address() as AddressInfo).port));
