/**
 * A server of files on loopback, for looking at the site and for checking it.
 *
 * @module
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, resolve, sep } from "node:path";

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
};

/** So many ports are tried, from the one that is asked for. */
const PORTS = 100;

const MAX_PORT = 65_535;

/** A server of files that is listening. */
export interface StaticServer extends AsyncDisposable {
  readonly url: string;
}

/**
 * Serves the files of `folder` and nothing beside it, on 127.0.0.1 at `port` or the next one that is free; 0 takes any. A browser asks again for
 * what it has after `maxAge` seconds.
 *
 * @throws `EADDRINUSE` if none of a hundred is free.
 */
export async function serveFiles(folder: string, port: number, maxAge = 0): Promise<StaticServer> {
  const root = resolve(folder);
  const server = createServer((request, response) => {
    void answer(root, request.url ?? "/").then(({ status, type, body }) => {
      response.writeHead(status, { "content-type": type, "cache-control": `max-age=${maxAge}` }).end(body);
    });
  });
  await listen(server, port);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function listen(server: Server, port: number): Promise<void> {
  for (let tried = port; ; tried++) {
    server.listen(tried, "127.0.0.1");
    try {
      await once(server, "listening");
      return;
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
      if (!taken || tried >= Math.min(port + PORTS - 1, MAX_PORT)) throw error;
    }
  }
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer | string;
}

const NOT_FOUND: Answer = { status: 404, type: "text/plain", body: "Not found\n" };

async function answer(root: string, target: string): Promise<Answer> {
  try {
    const path = decodeURIComponent(new URL(target, "http://127.0.0.1").pathname);
    const file = resolve(root, `.${path.endsWith("/") ? `${path}index.html` : path}`);
    if (!file.startsWith(root + sep)) return NOT_FOUND;
    return {
      status: 200,
      type: CONTENT_TYPES[extname(file)] ?? "text/plain; charset=utf-8",
      body: await readFile(file),
    };
  } catch {
    return NOT_FOUND;
  }
}
