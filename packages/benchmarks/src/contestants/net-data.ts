/** The cheapest way in Node that cares for nothing: no back-pressure, no time-outs. */
import { createServer, type AddressInfo } from "node:net";

import { listening } from "./listening.ts";

const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("data", (chunk) => socket.write(chunk));
  socket.on("end", () => socket.end());
  socket.on("error", () => {});
});
server.listen(0, "127.0.0.1", () => listening((server.address() as AddressInfo).port));
