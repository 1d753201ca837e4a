/** What everyone writes in Node to send back what comes, with back-pressure. */
import { createServer, type AddressInfo } from "node:net";

import { listening } from "./listening.ts";

const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.pipe(socket);
  socket.on("error", () => {});
});
server.listen(0, "127.0.0.1", () => listening((server.address() as AddressInfo).port));
