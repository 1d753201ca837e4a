/** Echoes datagrams with `node:dgram` alone. */
import { createSocket } from "node:dgram";

import { listening } from "./listening.ts";

const socket = createSocket("udp4");
socket.on("message", (data, { port, address }) => socket.send(data, port, address));
socket.bind(0, "127.0.0.1", () => listening(socket.address().port));
