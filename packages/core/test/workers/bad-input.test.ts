import {
  ForkingTCPServer,
  ForkingUDPServer,
  ForkingUnixStreamServer,
  ThreadingTCPServer,
  ThreadingUDPServer,
  ThreadingUnixStreamServer,
  type BaseServer,
} from "@socketserver/core";
import { leakCheck, type AnyServerClass } from "@socketserver/testing";
import { BlockList } from "node:net";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { BrokenHandler } from "../fixtures/broken-in-workers.ts";
import { EchoLineHandler } from "../fixtures/echo-handlers.ts";
import { ExitingModuleHandler, MAIN_PROCESS } from "../fixtures/exiting-in-workers.ts";
import {
  BurningForkingServer,
  BurningThreadingServer,
  HangingForkingServer,
  HangingThreadingServer,
  PortForkingServer,
  PortThreadingServer,
  ReplacingForkingServer,
  ReplacingThreadingServer,
  hidden as hiddenServers,
} from "../fixtures/odd-servers.ts";
import { ScriptedForkingTCPServer, ScriptedThreadingTCPServer } from "../fixtures/scripted-servers.ts";
import * as unfindable from "../fixtures/unfindable-handlers.ts";
import { expectComplaint, expectLawful } from "../support/complaint.ts";
import { runProgram } from "../support/run-program.ts";

/** Threads or processes, and the classes that fail with them. */
interface Kind {
  readonly kind: "thread" | "process";
  /** The key of their options, and of their number in it. */
  readonly key: "threading" | "forking";
  readonly count: "threads" | "processes";
  readonly servers: readonly AnyServerClass[];
  readonly TCPServer: AnyServerClass;
  readonly ScriptedServer: AnyServerClass;
  readonly HiddenServer: AnyServerClass;
  readonly PortServer: new (port: number) => BaseServer;
  readonly ReplacingServer: new (address: never, handler: never, options: never) => BaseServer;
  readonly HangingServer: AnyServerClass;
  readonly BurningServer: AnyServerClass;
}

const KINDS: readonly Kind[] = [
  {
    kind: "thread",
    key: "threading",
    count: "threads",
    servers: [ThreadingTCPServer, ThreadingUDPServer, ThreadingUnixStreamServer],
    TCPServer: ThreadingTCPServer,
    ScriptedServer: ScriptedThreadingTCPServer,
    HiddenServer: hiddenServers.HiddenThreadingServer,
    PortServer: PortThreadingServer,
    ReplacingServer: ReplacingThreadingServer,
    HangingServer: HangingThreadingServer,
    BurningServer: BurningThreadingServer,
  },
  {
    kind: "process",
    key: "forking",
    count: "processes",
    servers: [ForkingTCPServer, ForkingUDPServer, ForkingUnixStreamServer],
    TCPServer: ForkingTCPServer,
    ScriptedServer: ScriptedForkingTCPServer,
    HiddenServer: hiddenServers.HiddenForkingServer,
    PortServer: PortForkingServer,
    ReplacingServer: ReplacingForkingServer,
    HangingServer: HangingForkingServer,
    BurningServer: BurningForkingServer,
  },
];

/** The options that threads and processes share. */
const SHARED = [
  "requestsPerWorker",
  "heartbeatTimeoutMs",
  "readyTimeoutMs",
  "startAttempts",
  "recycleAfterRequests",
  "recycleAfterMs",
  "maxHeapSize",
  "relay",
] as const;

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

beforeEach(() => leakCheck());

describe.each(KINDS)("options of a $kind", ({ key, count, servers, TCPServer }) => {
  const code = "ERR_SOCKETSERVER_INVALID_OPTION";
  const make = (Server: AnyServerClass, options: object): BaseServer => {
    const address = Server.name.includes("Unix") ? { path: "/tmp/never-made.sock" } : { port: 0 };
    const handler = class Handler {
      handle(): void {}
    };
    return new Server(address as never, handler as never, { [key]: options } as never);
  };

  for (const Server of servers) {
    test.for([
      [0, RangeError, "received 0"],
      [-1, RangeError, "received -1"],
      [1.5, RangeError, "received 1.5"],
      [1_025, RangeError, "received 1025"],
      ["4", TypeError, 'received "4"'],
    ] as const)(`refuse %s workers: ${Server.name}`, ([value, type, received]) => {
      const says = [`${key}.${count} must be an integer from 1 to 1024`, received];
      expectComplaint(() => make(Server, { [count]: value }), { type, code, says });
    });

    test(`that do not exist are refused, and the known ones listed: ${Server.name}`, () => {
      const known = [count, ...SHARED].toSorted().join(", ");
      const says = [`"${key}.workers"`, `known are ${known}`];
      expectComplaint(() => make(Server, { workers: 1 }), { type: TypeError, code, says });
    });
  }

  test.for([
    ["requestsPerWorker", 0, "an integer >= 1 or Infinity"],
    ["heartbeatTimeoutMs", 50, "from 100 to"],
    ["readyTimeoutMs", 0, "from 1 to"],
    ["startAttempts", 0, "an integer >= 1 or Infinity"],
    ["recycleAfterRequests", 0, "an integer >= 1 or Infinity"],
    ["recycleAfterMs", 10, "from 1000 to"],
    ["maxHeapSize", 16 * 1_048_576 - 1, "an integer >= 16777216"],
  ] as const)("refuse a %s of %d", ([name, value, range]) => {
    const says = [`${key}.${name} must be`, range, `received ${value}`];
    expectComplaint(() => make(TCPServer, { [name]: value }), { type: RangeError, code, says });
  });

  test.for([1, "yes", null])("refuse a relay of %s", (value) => {
    const says = [`${key}.relay must be`, `received ${JSON.stringify(value)}`];
    expectComplaint(() => make(TCPServer, { relay: value }), { type: TypeError, code, says });
  });
});

describe.each(KINDS)("listen() of a server whose workers are each a $kind rejects", (kind) => {
  const { key, count, TCPServer, ScriptedServer, HiddenServer, PortServer, ReplacingServer } = kind;
  const options = { [key]: { [count]: 2 } };
  const make = (Server: Kind["ReplacingServer"], handler: unknown, more: object = {}): BaseServer =>
    new Server({ port: 0 } as never, handler as never, { ...options, ...more } as never);

  const classes: readonly [name: string, server: () => BaseServer, code: string, says: readonly string[]][] = [
    [
      "a handler class that is not exported",
      () => make(TCPServer, unfindable.hidden.HiddenHandler),
      "ERR_SOCKETSERVER_CLASS_NOT_FOUND",
      ["HiddenHandler", "unfindable-handlers.ts", "export class HiddenHandler"],
    ],
    [
      "a server class that is not exported",
      () => make(HiddenServer, EchoLineHandler),
      "ERR_SOCKETSERVER_CLASS_NOT_FOUND",
      [HiddenServer.name, "odd-servers.ts", `export class ${HiddenServer.name}`],
    ],
    [
      "a class of which there are two of one name",
      () => make(TCPServer, unfindable.SecondTwin),
      "ERR_SOCKETSERVER_CLASS_AMBIGUOUS",
      ["TwinHandler", "unfindable-handlers.ts", "rename one"],
    ],
    [
      "a class without a name",
      () => make(TCPServer, unfindable.anonymous[0]),
      "ERR_SOCKETSERVER_CLASS_NOT_FOUND",
      ["no name", "export class"],
    ],
    [
      "a static module that is no URL",
      () => make(TCPServer, unfindable.LostHandler),
      "ERR_SOCKETSERVER_INVALID_HANDLER",
      ["LostHandler", "import.meta.url", 'received "unfindable-handlers.ts"'],
    ],
    [
      "a server whose constructor has another signature",
      () => new PortServer(0),
      "ERR_SOCKETSERVER_REPLICA_FAILED",
      [PortServer.name, "(address, RequestHandlerClass, options)"],
    ],
    [
      "a server whose constructor ignores the handler class",
      () => make(ReplacingServer, EchoLineHandler),
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
    const error = await refusal(make(TCPServer, BrokenHandler));
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toBe("This module cannot be imported in a worker");
    expect(error.stack).toMatch(/failWhileImporting.*broken-in-workers\.ts:5/);
  });

  test("a handler module that ends the program when it is imported, and says how the worker ended", async () => {
    vi.stubEnv(MAIN_PROCESS, String(process.pid));
    try {
      const error = await refusal(make(TCPServer, ExitingModuleHandler));
      expect(error).toMatchObject({
        code: "ERR_SOCKETSERVER_WORKER_LOST",
        cause: {
          code: "ERR_SOCKETSERVER_WORKER_LOST",
          message: expect.stringMatching(new RegExp(`its ${kind.kind} exited with code 7$`)),
        },
      });
      expectLawful(error.message);
      expect(error.message).toContain("it ended before it was ready");
      expect(error.message).toContain("if (import.meta.main) { ... }");
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test("a handler module that does not exist, with Node's error", async () => {
    expect(await refusal(make(TCPServer, unfindable.GoneHandler))).toMatchObject({
      code: "ERR_MODULE_NOT_FOUND",
      message: expect.stringContaining("no-such-module.ts"),
    });
  });

  test("an option that cannot be copied, and names its key", async () => {
    const script = { baggage: { deep: { callback: () => {} } } };
    const error = await refusal(make(ScriptedServer, EchoLineHandler, { script }));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({
      code: "ERR_SOCKETSERVER_OPTION_NOT_CLONEABLE",
      cause: { message: /could not be cloned/ },
    });
    expectLawful(error.message);
    expect(error.message).toContain(`options into a ${kind.kind}: script.baggage.deep.callback must be plain data`);
    expect(error.message).toContain("received callback()");
    expect(error.message).toContain("a method of the server to override");
  });

  test.each([
    ["never settles", kind.HangingServer],
    ["computes for ever", kind.BurningServer],
  ])("a workerSetup() that %s after readyTimeoutMs, and says so", async (_name, Server) => {
    const readyTimeoutMs = 300;
    const error = await refusal(make(Server, EchoLineHandler, { [key]: { [count]: 2, readyTimeoutMs } }));
    expect(error).toMatchObject({ code: "ERR_SOCKETSERVER_WORKER_LOST" });
    expect(error.message).toBe("Cannot start worker: it was not ready after 300 ms");
  });
});

describe("options that cross to threads alone", () => {
  const BAGGAGE = [
    ["a BlockList", () => new BlockList(), "received an instance of BlockList"],
    ["shared memory", () => new SharedArrayBuffer(4), "received an instance of SharedArrayBuffer"],
  ] as const;

  test.each(BAGGAGE)("are taken by a threading server: %s", async (_name, baggage) => {
    const options = { threading: { threads: 1 }, script: { baggage: baggage() } };
    await using server = new ScriptedThreadingTCPServer({ port: 0 }, EchoLineHandler, options);
    await server.listen();
    expect(server.state).toBe("listening");
  });

  test.each(BAGGAGE)("are refused by a forking server, and the key named: %s", async (_name, baggage, received) => {
    const options = { forking: { processes: 1 }, script: { baggage: baggage() } };
    const error = await refusal(new ScriptedForkingTCPServer({ port: 0 }, EchoLineHandler, options));
    expect(error).toMatchObject({ code: "ERR_SOCKETSERVER_OPTION_NOT_CLONEABLE" });
    expectLawful(error.message);
    expect(error.message).toContain("options into a process: script.baggage must be plain data");
    expect(error.message).toContain(received);
  });
});

describe.each(["threading", "forking"])("a %s program", (how) => {
  const code = "ERR_SOCKETSERVER_NO_MAIN_GUARD";

  test("without import.meta.main ends with an error that says what to write", async () => {
    const end = await runProgram("unguarded-program.ts", [how]);
    expect({ code: end.code, stdout: end.stdout }).toEqual({ code: 1, stdout: "" });
    expect(end.stderr).toContain(code);
    expect(end.stderr).toContain("if (import.meta.main) { ... }");
  });

  test("without import.meta.main is told so even if it catches what its server throws in the worker", async () => {
    const { stdout, stderr } = await runProgram("unguarded-program.ts", [how], ["env", "CATCHING=1"]);
    expect(stderr).toBe("");
    const told = stdout.split("\n").filter((line) => line !== "");
    expect(told.at(-1)).toMatch(new RegExp(`^${code} Cannot start worker: `));
    expect(stdout).not.toContain("listening");
  });

  test.each([0, 50, 300])("without it is told so, too, if it starts its server %d ms after its import", async (ms) => {
    const { code: exitCode, stdout, stderr } = await runProgram("late-unguarded-program.ts", [String(ms), how]);
    expect(stdout + stderr).toContain(code);
    // Only the program itself may listen, and does not go on until somebody ends it.
    expect(stdout).not.toContain("listening in the worker");
    expect(exitCode).not.toBe(9);
  });

  for (const [what, name] of [
    ["handler", "PrivateHandler"],
    ["local", "LocalHandler"],
    ["server", "InheritingServer"],
  ] as const) {
    test(`whose class is not exported and not placed is told to export it, or to say where it is: ${name}`, async () => {
      const { stdout, stderr } = await runProgram("unfindable-program.ts", [what, how]);
      expect(stderr).toBe("");
      expect(stdout).toMatch(new RegExp(`^ERR_SOCKETSERVER_CLASS_NOT_FOUND Cannot run ${name} in worker: `));
      expect(stdout).toContain("unfindable-program.ts exports no class of that name");
      expect(stdout).toContain(`export class ${name}`);
      expect(stdout).toContain("static readonly module = import.meta.url");
    });
  }
});
