import { execFile } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
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

  test("removes no file of another server that has found the same one, and listens by now", async () => {
    // The moments at which the two look, remove and bind fall differently in each round.
    for (let round = 0; round < 40; round++) {
      const left = await listenAt(join(folder, "left"));
      await rename(join(folder, "left"), path);
      left.close();
      await once(left, "close");
      const claimed = [claimUnixPath(path)];
      for (let turn = 0; turn < round % 8; turn++) await nextTurn();
      claimed.push(claimUnixPath(path));
      const outcomes = await Promise.allSettled(claimed.map(async (each) => each.then(() => listenAt(path))));
      const listening = outcomes.filter(({ status }) => status === "fulfilled");
      expect(listening).toHaveLength(1);
      await Promise.all(servers.splice(0).map(async (server) => server.close()));
    }
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

describe("UnixPathOwner.release()", () => {
  /** What libuv does when a listener closes: whoever owns the path by then. */
  const unlinkAsLibuv = (): void => rmSync(path, { force: true });

  test("removes the file that was there when it was made", async () => {
    await listenAt(path);
    const owner = await UnixPathOwner.of(path);
    await owner?.release(() => {});
    expect(await exists(path)).toBe(false);
  });

  test("keeps the file of a successor, although libuv removes it", async () => {
    await listenAt(path);
    const owner = await UnixPathOwner.of(path);
    await listenAt(join(folder, "new"));
    await rename(join(folder, "new"), path);
    const { ino } = await stat(path);
    await owner?.release(unlinkAsLibuv);
    expect((await stat(path)).ino).toBe(ino);
  });

  test("keeps the file of a successor when two release together", async () => {
    const owners: (UnixPathOwner | undefined)[] = [];
    for (const name of ["first", "second", "third"]) {
      await listenAt(join(folder, name));
      await rename(join(folder, name), path);
      owners.push(await UnixPathOwner.of(path));
    }
    const { ino } = await stat(path);
    await Promise.all(owners.slice(0, 2).map(async (owner) => owner?.release(unlinkAsLibuv)));
    expect((await stat(path)).ino).toBe(ino);
  });

  test("closes the listener even if the successor's file cannot be kept", async () => {
    await listenAt(path);
    const owner = await UnixPathOwner.of(path);
    await listenAt(join(folder, "new"));
    await rename(join(folder, "new"), path);
    await listenAt(`${path}.${process.pid}`);
    let closed = false;
    await expect(owner?.release(() => (closed = true))).rejects.toMatchObject({ code: "EEXIST" });
    expect(closed).toBe(true);
  });

  test("says nothing when the file is gone", async () => {
    await listenAt(path);
    const owner = await UnixPathOwner.of(path);
    await rm(path);
    await expect(owner?.release(() => {})).resolves.toBeUndefined();
  });

  test("owns no file for an abstract name", async () => {
    expect(await UnixPathOwner.of("\0a name")).toBeUndefined();
  });
});
