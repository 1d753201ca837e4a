/**
 * Serves how long an import takes: for each connection, a fresh process imports the modules that the arguments name, and the answer is the milliseconds.
 *
 *     node import-times.ts @socketserver/core
 *
 * @module
 */
import { execFile } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

import { listening } from "./listening.ts";

/** Inside of the package, where its dependency is found, too. */
const cwd = dirname(fileURLToPath(import.meta.resolve("@socketserver/core")));
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
