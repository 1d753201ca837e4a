import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { UnixPathOwner, claimUnixPath } from "./unix-path.ts";

let folder: string;
let path: string;
const servers: Server[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "unix-path-"));
  path = join(folder, "s");
});

afterEach(async () => {
  await Promise.all(
    servers.splice(0).map(async (server) => {
      server.close();
      if (server.listening) await once(server, "close");
    }),
  );
  await rm(folder, { recursive: true });
});

async function listenAt(where: string): Promise<Server> {
  const server = createServer();
  servers.push(server);
  server.listen(where);
  await once(server, "listening");
  return server;
}

/** Leave a socket file that nobody listens on, as a killed process does. */
async function leaveStaleFile(): Promise<void> {
  const program = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  await promisify(execFile)(process.execPath, ["-e", program]).catch(() => {});
}

const exists = (where: string): Promise<boolean> =>
  stat(where)
    .then(() => true)
    .catch(() => false);

describe("claimUnixPath()", () => {
  test("accepts a path where nothing is", async () => {
    await expect(claimUnixPath(path)).resolves.toBeUndefined();
  });

  test("removes a socket file that was left behind", async () => {
    await leaveStaleFile();
    expect(await exists(path)).toBe(true);
    await claimUnixPath(path);
    expect(await exists(path)).toBe(false);
  });

  test("rejects with EADDRINUSE while a server listens there, and leaves it alone", async () => {
    await listenAt(path);
    await expect(claimUnixPath(path)).rejects.toMatchObject({
      name: "SocketServerError",
      code: "EADDRINUSE",
      message: `Cannot listen on ${path}: another server listens there`,
    });
    expect(await exists(path)).toBe(true);
  });

  test("rejects with EADDRINUSE for a file of another kind, and leaves it alone", async () => {
    await writeFile(path, "precious");
    await expect(claimUnixPath(path)).rejects.toMatchObject({ code: "EADDRINUSE" });
    expect(await readFile(path, "utf8")).toBe("precious");
  });

  test("rejects with the system's code when the path cannot be looked at", async () => {
    await writeFile(path, "");
    await expect(claimUnixPath(join(path, "below"))).rejects.toMatchObject({ code: "ENOTDIR" });
  });

  test("does not look for a file of an abstract name", async () => {
    await expect(claimUnixPath("\0a name")).resolves.toBeUndefined();
  });
});

describe("UnixPathOwner", () => {
  test("removes the file that was there when it was made", async () => {
    await listenAt(path);
    const owner = await UnixPathOwner.of(path);
    expect(await owner?.protectSuccessor()).toBeUndefined();
    await owner?.unlink();
    expect(await exists(path)).toBe(false);
  });

  test("does not remove the file of a successor", async () => {
    await listenAt(path);
    const owner = await UnixPathOwner.of(path);
    await listenAt(join(folder, "new"));
    await rename(join(folder, "new"), path);
    await owner?.unlink();
    expect(await exists(path)).toBe(true);
  });

  test("puts the file of a successor back after libuv has removed it", async () => {
    const first = await listenAt(path);
    const owner = await UnixPathOwner.of(path);
    await listenAt(join(folder, "new"));
    await rename(join(folder, "new"), path);
    const { ino } = await stat(path);
    const restore = await owner?.protectSuccessor();
    first.close();
    await once(first, "close");
    await restore?.();
    expect((await stat(path)).ino).toBe(ino);
  });

  test("says nothing when the file is gone", async () => {
    await listenAt(path);
    const owner = await UnixPathOwner.of(path);
    await rm(path);
    expect(await owner?.protectSuccessor()).toBeUndefined();
    await expect(owner?.unlink()).resolves.toBeUndefined();
  });

  test("owns no file for an abstract name", async () => {
    expect(await UnixPathOwner.of("\0a name")).toBeUndefined();
  });
});
