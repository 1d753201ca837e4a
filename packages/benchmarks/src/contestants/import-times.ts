/**
 * Serves how long an import takes: for each connection, a fresh process imports the modules that the arguments name, and the answer is the milliseconds.
 * Core is imported as it is published.
 *
 *     node import-times.ts @socketserver/core
 *
 * @module
 */
import { execFile } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";

import { listening } from "./listening.ts";
import { packedCore } from "./packed-core.ts";

const cwd = packedCore();
const modules = process.argv.slice(2);

/** At once, as a module imports what it needs. */
const MEASURE = `
const started = performance.now();
await Promise.all(${JSON.stringify(modules)}.map((name) => import(name)));
process.stdout.write(String(performance.now() - started));
`;

const server = createServer((socket) => {
  socket.on("error", () => {});
  execFile(process.execPath, ["--input-type=module", "--eval", MEASURE], { cwd }, (error, stdout) => {
    // What is no number tells whoever asks what went wrong.
    socket.end(error === null ? stdout : error.message);
  });
});
server.listen(0, "127.0.0.1", () => listening((server.address() as AddressInfo).port));
