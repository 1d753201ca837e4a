import { ThreadingTCPServer, type BaseServer } from "@socketserver/core";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { BrokenHandler } from "./fixtures/broken-in-workers.ts";
import { EchoLineHandler } from "./fixtures/echo-handlers.ts";
import { PortServer, ReplacingServer, hidden as hiddenServers } from "./fixtures/odd-servers.ts";
import { ScriptedThreadingTCPServer } from "./fixtures/scripted-servers.ts";
import * as unfindable from "./fixtures/unfindable-handlers.ts";
import { expectLawful } from "./support/complaint.ts";
import { runProgram } from "./support/run-program.ts";

const OPTIONS = { threading: { threads: 2 } };

/** What `listen()` rejects with; nothing was accepted before, and the server can still be closed. */
async function refusal(server: BaseServer): Promise<Error> {
  const events: string[] = [];
  for (const event of ["listening", "request", "requestError", "workerReady"] as const)
    server.on(event, () => events.push(event));
  const error = await server.listen().then(
    () => new Error("It listened"),
    (thrown: unknown) => thrown,
  );
  expect(server.state).toBe("new");
  expect(events).toEqual([]);
  expect(await server.close()).toMatchObject({ open: 0, refused: 0 });
  return error as Error;
}

const threaded = (handler: unknown): BaseServer => new ThreadingTCPServer({ port: 0 }, handler as never, OPTIONS);

beforeEach(() => leakCheck());

describe("listen() of a threading server rejects", () => {
  const classes: readonly [name: string, server: () => BaseServer, code: string, says: readonly string[]][] = [
    [
      "a handler class that is not exported",
      () => threaded(unfindable.hidden.HiddenHandler),
      "ERR_SOCKETSERVER_CLASS_NOT_FOUND",
      ["HiddenHandler", "unfindable-handlers.ts", "export class HiddenHandler"],
    ],
    [
      "a server class that is not exported",
      () => new hiddenServers.HiddenServer({ port: 0 }, EchoLineHandler, OPTIONS),
      "ERR_SOCKETSERVER_CLASS_NOT_FOUND",
      ["HiddenServer", "odd-servers.ts", "export class HiddenServer"],
    ],
    [
      "a class of which there are two of one name",
      () => threaded(unfindable.SecondTwin),
      "ERR_SOCKETSERVER_CLASS_AMBIGUOUS",
      ["TwinHandler", "unfindable-handlers.ts", "rename one"],
    ],
    [
      "a class without a name",
      () => threaded(unfindable.anonymous[0]),
      "ERR_SOCKETSERVER_CLASS_NOT_FOUND",
      ["no name", "export class"],
    ],
    [
      "a static module that is no URL",
      () => threaded(unfindable.LostHandler),
      "ERR_SOCKETSERVER_INVALID_HANDLER",
      ["LostHandler", "import.meta.url", 'received "unfindable-handlers.ts"'],
    ],
    [
      "a server whose constructor has another signature",
      () => new PortServer(0),
      "ERR_SOCKETSERVER_REPLICA_FAILED",
      ["PortServer", "(address, RequestHandlerClass, options)"],
    ],
    [
      "a server whose constructor ignores the handler class",
      () => new ReplacingServer({ port: 0 }, EchoLineHandler, OPTIONS),
      "ERR_SOCKETSERVER_CLASS_NOT_FOUND",
      ["OwnHandler", "odd-servers.ts"],
    ],
  ];

  for (const [name, server, code, says] of classes) {
    test(`${name}, and says what to write`, async () => {
      const error = await refusal(server());
      expect(error).toMatchObject({ code });
      expectLawful(error.message);
      for (const part of says) expect(error.message).toContain(part);
    });
  }

  test("a constructor of another signature with its own error as the cause", async () => {
    const { cause } = await refusal(new PortServer(0));
    expect(cause).toMatchObject({ code: "ERR_SOCKETSERVER_INVALID_ADDRESS" });
    expect(cause).toBeInstanceOf(TypeError);
  });

  test("a handler module that throws when it is imported, with that error and its own stack", async () => {
    const error = await refusal(threaded(BrokenHandler));
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toBe("This module cannot be imported in a worker");
    expect(error.stack).toMatch(/failWhileImporting.*broken-in-workers\.ts:5/);
  });

  test("a handler module that does not exist, with Node's error", async () => {
    expect(await refusal(threaded(unfindable.GoneHandler))).toMatchObject({
      code: "ERR_MODULE_NOT_FOUND",
      message: expect.stringContaining("no-such-module.ts"),
    });
  });

  test("an option that cannot be copied, and names its key", async () => {
    const script = { baggage: { deep: { callback: () => {} } } };
    const error = await refusal(new ScriptedThreadingTCPServer({ port: 0 }, EchoLineHandler, { ...OPTIONS, script }));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ code: "ERR_SOCKETSERVER_OPTION_NOT_CLONEABLE", cause: { name: "DataCloneError" } });
    expectLawful(error.message);
    expect(error.message).toContain("script.baggage.deep.callback must be plain data, received callback()");
    expect(error.message).toContain("a method of the server to override");
  });
});

describe("a threading program", () => {
  const code = "ERR_SOCKETSERVER_NO_MAIN_GUARD";

  test("without import.meta.main ends with an error that says what to write", async () => {
    const end = await runProgram("unguarded-program.ts");
    expect({ code: end.code, stdout: end.stdout }).toEqual({ code: 1, stdout: "" });
    expect(end.stderr).toContain(code);
    expect(end.stderr).toContain("if (import.meta.main) { ... }");
  });

  test("without import.meta.main is told so even if it catches what its server throws in the worker", async () => {
    const { stdout, stderr } = await runProgram("unguarded-program.ts", [], ["env", "CATCHING=1"]);
    expect(stderr).toBe("");
    const told = stdout.split("\n").filter((line) => line !== "");
    expect(told.at(-1)).toMatch(new RegExp(`^${code} Cannot start worker: `));
    expect(stdout).not.toContain("listening");
  });

  test.each([0, 50, 300])("without it is told so, too, if it starts its server %d ms after its import", async (ms) => {
    const { code: exitCode, stdout, stderr } = await runProgram("late-unguarded-program.ts", [String(ms)]);
    expect(stdout + stderr).toContain(code);
    // Only the main thread may listen, and does not go on until somebody ends it.
    expect(stdout).not.toMatch(/listening in [1-9]/);
    expect(exitCode).not.toBe(9);
  });

  for (const [what, name] of [
    ["handler", "PrivateHandler"],
    ["local", "LocalHandler"],
    ["server", "InheritingServer"],
  ] as const) {
    test(`whose class is not exported and not placed is told to export it, or to say where it is: ${name}`, async () => {
      const { stdout, stderr } = await runProgram("unfindable-program.ts", [what]);
      expect(stderr).toBe("");
      expect(stdout).toMatch(new RegExp(`^ERR_SOCKETSERVER_CLASS_NOT_FOUND Cannot run ${name} in worker: `));
      expect(stdout).toContain("unfindable-program.ts exports no class of that name");
      expect(stdout).toContain(`export class ${name}`);
      expect(stdout).toContain("static readonly module = import.meta.url");
    });
  }
});
