import { AsyncTCPServer, TCPServer, UDPServer, UnixStreamServer } from "@socketserver/core";
import { leakCheck, serve, talk } from "@socketserver/testing";
import { once } from "node:events";
import { lstat, readFile, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";

import { make, serveIn, CELLS, type Cell } from "./conformance/matrix.ts";
import { EchoLineHandler, EchoPacketHandler } from "./fixtures/echo-handlers.ts";
import { expectLawful } from "./support/complaint.ts";
import { temporaryPath } from "./support/temporary-path.ts";

/** What `listen()` rejects with. */
async function refusal(server: { listen(): Promise<unknown> }): Promise<Error & { readonly code?: string }> {
  const error = await server.listen().then(
    () => new Error("It listened"),
    (thrown: unknown) => thrown,
  );
  expectLawful((error as Error).message);
  return error as Error;
}

const unixServer = (path: string): UnixStreamServer => new UnixStreamServer({ path }, EchoLineHandler);
const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** Leave a socket file behind, as a server does that was killed: libuv removes the file under the name that it knows. */
async function abandonSocket(path: string): Promise<void> {
  const server = createServer();
  server.listen(path);
  await once(server, "listening");
  await rename(path, `${path}.kept`);
  server.close();
  await once(server, "close");
  await rename(`${path}.kept`, path);
}

beforeEach(() => leakCheck());

describe("listen()", () => {
  for (const cell of CELLS.filter(({ name }) => !name.includes("Unix"))) {
    test(`rejects with EADDRINUSE when the port is taken, and can be tried again: ${cell.name}`, async () => {
      await using first = await make(cell);
      const taken = await first.listen();
      await using second = new cell.server(taken as never, cell.echoHandler as never, cell.options as never);
      const error = await refusal(second);
      expect(error).toMatchObject({ code: "EADDRINUSE", cause: { syscall: expect.any(String) } });
      expect(error.message).toContain(String("port" in taken && taken.port));
      expect(second.state).toBe("new");
      await first.close();
      expect(await second.listen()).toEqual(taken);
    });
  }

  test("rejects with EADDRNOTAVAIL or ENOTFOUND for a host that is not this machine", async () => {
    // 192.0.2.0/24 and .invalid are reserved for examples.
    expect(await refusal(new TCPServer({ host: "192.0.2.1", port: 0 }, EchoLineHandler))).toMatchObject({
      code: "EADDRNOTAVAIL",
    });
    expect(await refusal(new UDPServer({ host: "192.0.2.1", port: 0 }, EchoPacketHandler))).toMatchObject({
      code: "EADDRNOTAVAIL",
    });
    const unknown = await refusal(new TCPServer({ host: "nowhere.invalid", port: 0 }, EchoLineHandler));
    expect(unknown.code).toMatch(/^(ENOTFOUND|EAI_AGAIN)$/);
    expect(unknown.message).toContain("nowhere.invalid");
  });

  test("rejects after close(), and says so", async () => {
    const server = new AsyncTCPServer({ port: 0 }, EchoLineHandler);
    await server.close();
    expect(await refusal(server)).toMatchObject({ code: "ERR_SOCKETSERVER_SERVER_CLOSED" });
  });
});

describe("listen() on a Unix path", () => {
  test("rejects with ENOENT when the directory is missing, and names the remedy", async () => {
    const path = join(dirname(await temporaryPath()), "missing", "server.sock");
    const error = await refusal(unixServer(path));
    expect(error).toMatchObject({ code: "ENOENT", cause: expect.any(Error) });
    expect(error.message).toContain(path);
    expect(error.message).toContain("create it first");
  });

  test("rejects with ENOTDIR when a part of the path is a file", async () => {
    const file = await temporaryPath("file");
    await writeFile(file, "");
    expect(await refusal(unixServer(join(file, "server.sock")))).toMatchObject({ code: "ENOTDIR" });
  });

  test("rejects with EADDRINUSE when a live server listens there, and leaves it alone", async () => {
    const path = await temporaryPath();
    await using first = await serve(EchoLineHandler, { server: UnixStreamServer, address: { path } });
    expect(await refusal(unixServer(path))).toMatchObject({ code: "EADDRINUSE" });
    expect((await talk(first.address, "alive\n")).toString()).toBe("alive\n");
  });

  test("rejects with EADDRINUSE when a file of another kind is there, and leaves it alone", async () => {
    const path = await temporaryPath();
    await writeFile(path, "precious");
    const error = await refusal(unixServer(path));
    expect(error).toMatchObject({ code: "EADDRINUSE" });
    expect(error.message).toContain("not a socket");
    expect(await readFile(path, "utf8")).toBe("precious");
  });

  test("rejects with EADDRINUSE when a symbolic link is there, even to an abandoned socket", async () => {
    const path = await temporaryPath();
    await abandonSocket(`${path}.target`);
    await symlink(`${path}.target`, path);
    expect(await refusal(unixServer(path))).toMatchObject({ code: "EADDRINUSE" });
    expect(await exists(`${path}.target`)).toBe(true);
  });

  test("replaces the file of a server that is gone", async () => {
    const path = await temporaryPath();
    await abandonSocket(path);
    expect((await lstat(path)).isSocket()).toBe(true);
    await using running = await serve(EchoLineHandler, { server: UnixStreamServer, address: { path } });
    expect((await talk(running.address, "mine now\n")).toString()).toBe("mine now\n");
  });
});

describe("close() of a Unix server", () => {
  const unixCells: readonly Cell[] = CELLS.filter(({ name }) => name.includes("Unix"));

  for (const cell of unixCells) {
    test(`removes its file: ${cell.name}`, async () => {
      const running = await serveIn(cell);
      const { path } = running.address as { readonly path: string };
      expect(await exists(path)).toBe(true);
      await running.close();
      expect(await exists(path)).toBe(false);
    });
  }

  test("leaves the file of a successor alone, which goes on serving", async () => {
    const path = await temporaryPath();
    const first = await serve(EchoLineHandler, { server: UnixStreamServer, address: { path } });
    await unlink(path);
    await using second = await serve(EchoLineHandler, { server: UnixStreamServer, address: { path } });
    await first.close();
    expect((await talk(second.address, "mine\n")).toString()).toBe("mine\n");
  });

  test("does not mind that its file is gone, or a file of another kind in its place", async () => {
    const path = await temporaryPath();
    const first = await serve(EchoLineHandler, { server: UnixStreamServer, address: { path } });
    await rm(path);
    await first.close();
    const second = await serve(EchoLineHandler, { server: UnixStreamServer, address: { path } });
    await rm(path);
    await writeFile(path, "precious");
    await second.close();
    expect(await readFile(path, "utf8")).toBe("precious");
    expect([...first.errors, ...second.errors]).toEqual([]);
  });
});
