import {
  AsyncMixIn,
  BaseRequestHandler,
  DatagramRequestHandler,
  ForkingMixIn,
  StreamRequestHandler,
  TCPServer,
  ThreadingMixIn,
  UDPServer,
  UnixStreamServer,
} from "@socketserver/core";
import { leakCheck, serve, talk } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { expectComplaint, expectLawful } from "./support/complaint.ts";

class Handler extends BaseRequestHandler {}

/** What callers without a type checker may write. */
const make =
  (Server: unknown, ...args: readonly unknown[]): (() => unknown) =>
  () =>
    new (Server as new (...values: readonly unknown[]) => unknown)(...args);

beforeEach(() => leakCheck());

describe("an address", () => {
  const code = "ERR_SOCKETSERVER_INVALID_ADDRESS";
  const internet: readonly [given: unknown, type: typeof TypeError | typeof RangeError, says: readonly string[]][] = [
    [undefined, TypeError, ["{ host:", "received undefined"]],
    [null, TypeError, ["{ host:", "received null"]],
    [5051, TypeError, ["{ host:", "received 5051"]],
    ["localhost:5051", TypeError, ["{ host:", 'received "localhost:5051"']],
    [["127.0.0.1", 5051], TypeError, ["{ host:", 'received ["127.0.0.1",5051]']],
    [{}, TypeError, ["address.port must be a number", "received undefined"]],
    [{ port: "5051" }, TypeError, ["address.port must be a number", 'received "5051"']],
    [{ port: -1 }, RangeError, ["from 0 to 65535", "received -1"]],
    [{ port: 65_536 }, RangeError, ["from 0 to 65535", "received 65536"]],
    [{ port: 1.5 }, RangeError, ["from 0 to 65535", "received 1.5"]],
    [{ port: Number.NaN }, RangeError, ["from 0 to 65535", "received NaN"]],
    [{ host: "", port: 0 }, TypeError, ["address.host", 'received ""', "every interface"]],
    [{ host: 127, port: 0 }, TypeError, ["address.host", "received 127"]],
    [{ host: "127.0.0.1", port: 0, family: 4 }, TypeError, ["host and port", '"family"']],
    [{ path: "/run/app.sock" }, TypeError, ['"path"', "needs a Unix server"]],
  ];

  for (const Server of [TCPServer, UDPServer]) {
    for (const [given, type, says] of internet) {
      test(`${JSON.stringify(given) ?? "undefined"} is refused by ${Server.name}`, () => {
        expectComplaint(make(Server, given, Handler), { type, code, says });
      });
    }

    test.for([0, 1, 65_535])(`the port %i is taken by ${Server.name}`, (port) => {
      expect(new Server({ port }, Handler as never).serverAddress).toEqual({ host: "127.0.0.1", port });
    });
  }

  const unix: readonly [
    name: string,
    given: unknown,
    type: typeof TypeError | typeof RangeError,
    says: readonly string[],
  ][] = [
    ["undefined", undefined, TypeError, ["{ path:", "received undefined"]],
    ["a string", "/run/app.sock", TypeError, ["{ path:", 'received "/run/app.sock"']],
    ["a port", { port: 5051 }, TypeError, ["{ path:", 'received {"port":5051}']],
    ["a path and a port", { path: "/run/app.sock", port: 1 }, TypeError, ["{ path:", '"port":1']],
    ["a number as the path", { path: 1 }, TypeError, ["{ path:", '{"path":1}']],
    ["an empty path", { path: "" }, RangeError, ["must be a path", 'received ""']],
    ["an empty abstract name", { path: "\0" }, RangeError, ["must be a path", 'received "\\u0000"']],
    ["a NUL within the path", { path: "/run/a\0b" }, RangeError, ["must be a path", 'received "/run/a\\u0000b"']],
    ["a path of 108 bytes", { path: `/${"x".repeat(107)}` }, RangeError, ["at most 107 bytes", "received 108"]],
    ["a path of 54 letters and 108 bytes", { path: "é".repeat(54) }, RangeError, ["at most 107 bytes", "received 108"]],
  ];

  for (const [name, given, type, says] of unix) {
    test.skipIf(process.platform === "darwin")(`${name} is refused by UnixStreamServer`, () => {
      expectComplaint(make(UnixStreamServer, given, Handler), { type, code, says });
    });
  }

  test.skipIf(process.platform === "darwin")("a path of 107 bytes is taken by UnixStreamServer", () => {
    const path = `/${"x".repeat(106)}`;
    expect(new UnixStreamServer({ path }, Handler).serverAddress).toEqual({ path });
  });
});

describe("a handler", () => {
  const code = "ERR_SOCKETSERVER_INVALID_HANDLER";
  class Other {
    readonly name = "no handler";
  }
  const noClasses: readonly [name: string, given: unknown, received: string][] = [
    ["undefined", undefined, "received undefined"],
    ["null", null, "received null"],
    ["an instance", { handle() {} }, "received {}"],
    ["a name", "EchoHandler", 'received "EchoHandler"'],
    ["an arrow function", () => {}, "received a function"],
    ["a function", function handle() {}, "received handle()"],
    ["a class without handle()", Other, "received Other()"],
  ];

  for (const [name, given, received] of noClasses) {
    test(`that is ${name} is refused`, () => {
      const says = ["must be a class with a method handle()", "BaseRequestHandler", received];
      for (const Server of [TCPServer, UDPServer]) {
        expectComplaint(make(Server, { port: 0 }, given), { type: TypeError, code, says });
      }
    });
  }

  class ForStreams extends StreamRequestHandler {}
  class ForDatagrams extends DatagramRequestHandler {}

  for (const given of [ForStreams, StreamRequestHandler]) {
    test(`of connections is refused by UDPServer: ${given.name}`, () => {
      const says = [given.name, "DatagramRequestHandler"];
      expectComplaint(make(UDPServer, { port: 0 }, given), { type: TypeError, code, says });
    });
  }

  for (const given of [ForDatagrams, DatagramRequestHandler]) {
    test(`of datagrams is refused by TCPServer and UnixStreamServer: ${given.name}`, () => {
      const says = [given.name, "StreamRequestHandler"];
      expectComplaint(make(TCPServer, { port: 0 }, given), { type: TypeError, code, says });
      expectComplaint(make(UnixStreamServer, { path: "/run/app.sock" }, given), { type: TypeError, code, says });
    });
  }

  test("with a plain timeout on its class or prototype is refused, and told of timeoutMs", () => {
    class Static extends BaseRequestHandler {
      static timeout = 5;
    }
    class Accessor extends BaseRequestHandler {
      get timeout(): number {
        return 5;
      }
    }
    for (const given of [Static, Accessor]) {
      const says = [given.name, "timeoutMs", "seconds"];
      expectComplaint(make(TCPServer, { port: 0 }, given), { type: TypeError, code, says });
    }
  });

  test("with a plain timeout as a field fails its request, and is told of timeoutMs", async () => {
    class WithField extends BaseRequestHandler {
      timeout = 5;
    }
    await using running = await serve(WithField);
    expect(await talk(running.address, "")).toHaveLength(0);
    expect(running.errors).toMatchObject([{ code, message: expect.stringContaining("timeoutMs") }]);
    expectLawful((running.errors[0] as Error).message);
  });
});

describe("mixins", () => {
  const code = "ERR_SOCKETSERVER_MIXIN_CONFLICT";

  test.for([
    ["AsyncMixIn(ThreadingMixIn(TCPServer))", AsyncMixIn(ThreadingMixIn(TCPServer)), ["AsyncMixIn", "ThreadingMixIn"]],
    ["ThreadingMixIn(AsyncMixIn(TCPServer))", ThreadingMixIn(AsyncMixIn(TCPServer)), ["AsyncMixIn", "ThreadingMixIn"]],
    ["AsyncMixIn(ForkingMixIn(UDPServer))", AsyncMixIn(ForkingMixIn(UDPServer)), ["AsyncMixIn", "ForkingMixIn"]],
    ["ForkingMixIn(AsyncMixIn(TCPServer))", ForkingMixIn(AsyncMixIn(TCPServer)), ["AsyncMixIn", "ForkingMixIn"]],
    [
      "ThreadingMixIn(ForkingMixIn(TCPServer))",
      ThreadingMixIn(ForkingMixIn(TCPServer)),
      ["ThreadingMixIn", "ForkingMixIn"],
    ],
    [
      "ForkingMixIn(ThreadingMixIn(UDPServer))",
      ForkingMixIn(ThreadingMixIn(UDPServer)),
      ["ThreadingMixIn", "ForkingMixIn"],
    ],
    ["AsyncMixIn(AsyncMixIn(TCPServer))", AsyncMixIn(AsyncMixIn(TCPServer)), ["AsyncMixIn and AsyncMixIn"]],
    [
      "ThreadingMixIn(ThreadingMixIn(UDPServer))",
      ThreadingMixIn(ThreadingMixIn(UDPServer)),
      ["ThreadingMixIn and ThreadingMixIn"],
    ],
    ["ForkingMixIn(ForkingMixIn(TCPServer))", ForkingMixIn(ForkingMixIn(TCPServer)), ["ForkingMixIn and ForkingMixIn"]],
  ] as const)("that replace the same word are refused, and both named: %s", ([, Server, names]) => {
    const says = [...names, "both replace processRequest()"];
    expectComplaint(make(Server, { port: 0 }, Handler), { type: TypeError, code, says });
  });
});
