import { connect, type ConnectSettings, type Target } from "@socketserver/client";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import type { Complaint } from "../../core/test/support/complaint.ts";

beforeEach(() => leakCheck());

describe("bad input of connect()", () => {
  const address = "ERR_SOCKETSERVER_INVALID_ADDRESS";
  const option = "ERR_SOCKETSERVER_INVALID_OPTION";
  const good = { port: 1 };

  async function expectRefusal(target: unknown, settings: unknown, { type, code, says }: Complaint): Promise<void> {
    const outcome = connect(target as Target, settings as ConnectSettings);
    const error = (await outcome.catch((thrown: unknown) => thrown)) as Error;
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject({ code });
    expect(error.message).toMatch(/^Cannot (connect|create connection): .*[^.]$/);
    for (const part of says) expect(error.message).toContain(part);
  }

  const addresses: readonly (readonly [unknown, Complaint["type"], ...string[]])[] = [
    [undefined, TypeError, "address must be an object such as { host:", "received undefined"],
    [null, TypeError, "address must be an object such as { host:", "received null"],
    [5051, TypeError, "address must be an object such as { host:", "received 5051"],
    ["localhost:80", TypeError, "address must be an object such as { host:", 'received "localhost:80"'],
    [{}, TypeError, "address.port must be a number", "received undefined"],
    [{ port: "80" }, TypeError, "address.port must be a number", 'received "80"'],
    [{ port: 0 }, RangeError, "from 1 to 65535", "received 0"],
    [{ port: 65_536 }, RangeError, "from 1 to 65535", "received 65536"],
    [{ port: 1.5 }, RangeError, "from 1 to 65535", "received 1.5"],
    [{ host: "", port: 1 }, TypeError, "address.host must be a host name or an IP address", 'received ""'],
    [{ host: null, port: 1 }, TypeError, "address.host must be a host name or an IP address", "received null"],
    [{ port: 1, family: 4 }, TypeError, "host and port", '"family"'],
    [{ path: "" }, RangeError, "must be a path", 'received ""'],
    [{ path: "\0" }, RangeError, "must be a path", String.raw`received "\u0000"`],
    [{ path: "/run/app.sock", port: 1 }, TypeError, "{ path:", '"port":1'],
    [{ path: undefined, port: 1 }, TypeError, "{ path:", '{"port":1}'],
    [{ path: "x".repeat(200) }, RangeError, "bytes, received 200", "xxx"],
    [[], TypeError, "must not be empty", "received []"],
    [[good, null], TypeError, "address must be an object", "received null"],
    [[[good]], TypeError, "address must be an object", 'received [{"port":1}]'],
  ];

  for (const [target, type, ...says] of addresses) {
    test(`tells what is wrong with the address ${JSON.stringify(target)}`, async () => {
      await expectRefusal(target, {}, { type, code: address, says: ["Cannot connect: ", ...says] });
    });
  }

  for (const settings of [null, 5, "fast", true, [], [{}]]) {
    const shown = JSON.stringify(settings);
    test(`refuses ${shown} instead of options`, async () => {
      const says = ["options must be an object", `received ${shown}`];
      await expectRefusal(good, settings, { type: TypeError, code: option, says });
    });
  }

  test("refuses an option that is out of range, and one that there is not", async () => {
    const says = ["attemptDelayMs must be an integer", "received -1"];
    await expectRefusal(good, { attemptDelayMs: -1 }, { type: RangeError, code: option, says });
    await expectRefusal(good, { timeoutMs: 1 }, { type: TypeError, code: option, says: ['no option "timeoutMs"'] });
  });

  test.each([null, 5, {}, "abort"])("refuses %j as the signal", async (signal) => {
    const says = ["Cannot create connection: signal must be an AbortSignal", `received ${JSON.stringify(signal)}`];
    await expectRefusal(good, { signal }, { type: TypeError, code: option, says });
  });
});
