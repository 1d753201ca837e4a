/**
 * What the example servers share: which port to use, and serving until Ctrl-C.
 *
 * @module
 */
import { SocketServerError, formatAddress, type BaseServer, type InternetAddress } from "@socketserver/core";

/** Choose the port: the first argument, else PORT, else the example's own; 0 lets the system choose. A wrong one ends the program. */
export function portOr(ownPort: number): number {
  const given = process.argv[2] || process.env["PORT"] || String(ownPort);
  const valid = /^\d{1,5}$/.test(given) && Number(given) <= 65_535;
  if (!valid) {
    console.error(`Cannot start: the port must be a whole number from 0 to 65535, received ${JSON.stringify(given)}`);
    process.exit(1);
  }
  return Number(given);
}

/**
 * Serve until Ctrl-C, and say where and how to try it. A port that is taken is one line and exit code 1.
 *
 * @param toTry - What to type in another terminal.
 */
export async function start(server: BaseServer, toTry: (address: InternetAddress) => string): Promise<void> {
  server.once("listening", (address) => {
    console.log(`[LISTENING] Server is listening on ${formatAddress(address)}`);
    console.log(`Try in another terminal (Ctrl-C here ends the server):\n${toTry(address as InternetAddress)}`);
    server.once("draining", () => console.log("\n[SHUTTING DOWN] Server is shutting down."));
  });
  try {
    await server.serveForever({ signals: true });
  } catch (error) {
    if (!(error instanceof SocketServerError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
