import { DatagramClient, type DatagramClientOptions } from "@socketserver/client";
import { ErrorCode } from "@socketserver/core";
import { lines, unframedText } from "@socketserver/framing";
import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

beforeEach(() => leakCheck());

/** What callers without a type checker may write. */
function make(address: unknown, codec: unknown, options?: unknown): DatagramClient<string> {
  return new DatagramClient<string>(address as never, codec as never, options as never);
}

/** What the constructor throws. */
function refusal(address: unknown, codec: unknown, options?: unknown): unknown {
  try {
    make(address, codec, options);
  } catch (error) {
    return error;
  }
  throw new Error("it is not refused");
}

const HERE = { port: 5007 };
const TEXT = unframedText();

describe("the arguments of DatagramClient", () => {
  test.each([
    [undefined, "TypeError", 'address must be an object such as { host: "127.0.0.1", port: 5051 }, received undefined'],
    ["localhost:5007", "TypeError", 'port: 5051 }, received "localhost:5007"'],
    [{ host: "", port: 1 }, "TypeError", 'address.host must be a host name or an IP address, received ""'],
    [{ port: "5007" }, "TypeError", 'address.port must be a number, received "5007"'],
    [{ port: 0 }, "RangeError", "address.port must be an integer from 1 to 65535, received 0"],
    [{ port: 65_536 }, "RangeError", "address.port must be an integer from 1 to 65535, received 65536"],
    [{ path: "/run/x" }, "TypeError", 'address takes host and port, received the key "path"'],
  ])("refuse the address %j", (address, name, says) => {
    expect(refusal(address, TEXT)).toMatchObject({
      name,
      code: ErrorCode.invalidAddress,
      message: expect.stringMatching(/^Cannot connect: /) as string,
    });
    expect(String(refusal(address, TEXT))).toContain(says);
  });

  test.each([
    [undefined, "undefined"],
    ["text", '"text"'],
    [{ encode: () => Buffer.alloc(0) }, "{}"],
  ])("refuse the codec %j", (codec, shown) => {
    expect(refusal(HERE, codec)).toMatchObject({
      name: "TypeError",
      code: ErrorCode.invalidArgument,
      message: `Cannot use messages: a codec must have encode() and decoder(), received ${shown}`,
    });
  });
});

describe("the options of DatagramClient", () => {
  const whole = (min: number, infinity = " or Infinity"): string => `must be an integer >= ${min}${infinity}, received`;
  const time = "must be an integer from 0 to 2147483647 or Infinity, received";
  const pause = "must be an integer from 0 to 2147483647, received";

  test.each<[unknown, string, string]>([
    [5, "TypeError", "options must be an object, received 5"],
    [{ timeout: 5 }, "TypeError", 'there is no option "timeout": use requestTimeoutMs, in milliseconds'],
    [{ retries: 5 }, "TypeError", 'there is no option "retries": known are correlateBy, maxConcurrentRequests, '],
    [{ correlateBy: 5 }, "TypeError", "correlateBy must be the name of the field with the id, or "],
    [{ correlateBy: "" }, "TypeError", 'with two such names, received ""'],
    [{ correlateBy: { request: "id" } }, "TypeError", 'with two such names, received {"request":"id"}'],
    [{ requestTimeoutMs: "1" }, "TypeError", `requestTimeoutMs ${time} "1"`],
    [{ requestTimeoutMs: -1 }, "RangeError", `requestTimeoutMs ${time} -1`],
    [{ maxConcurrentRequests: 0 }, "RangeError", `maxConcurrentRequests ${whole(1)} 0`],
    [{ maxConcurrentRequests: null }, "TypeError", `maxConcurrentRequests ${whole(1)} null`],
    [{ requestQueueSize: -1 }, "RangeError", `requestQueueSize ${whole(0)} -1`],
    [{ requestQueueSize: 1.5 }, "RangeError", `requestQueueSize ${whole(0)} 1.5`],
    [{ retry: 5 }, "TypeError", "retry must be an object, received 5"],
    [
      { retry: { attempts: 5 } },
      "TypeError",
      'there is no option "retry.attempts": known are factor, jitter, maxAttempts, ',
    ],
    [{ retry: { maxAttempts: 0 } }, "RangeError", `retry.maxAttempts ${whole(1)} 0`],
    [{ retry: { maxAttempts: "4" } }, "TypeError", `retry.maxAttempts ${whole(1)} "4"`],
    [{ retry: { minDelayMs: -1 } }, "RangeError", `retry.minDelayMs ${pause} -1`],
    [{ retry: { maxDelayMs: Infinity } }, "RangeError", `retry.maxDelayMs ${pause} Infinity`],
    [{ retry: { factor: 0.5 } }, "RangeError", "retry.factor must be a number >= 1, received 0.5"],
    [{ retry: { jitter: 1.1 } }, "RangeError", "retry.jitter must be a number from 0 to 1, received 1.1"],
    [{ sourceAddress: "127.0.0.1" }, "TypeError", 'sourceAddress must be an object such as { host: "127.0.0.1" }'],
    [{ sourceAddress: { host: "localhost" } }, "TypeError", 'from 0 to 65535, received {"host":"localhost"}'],
    [
      { sourceAddress: { host: "127.0.0.1", port: 5_008 } },
      "TypeError",
      'sourceAddress.port needs correlateBy, because without it each request has a port of its own, received {"host":"127.0.0.1","port":5008}',
    ],
  ])("refuse %j", (options, name, says) => {
    const error = refusal(HERE, TEXT, options);
    expect(error).toMatchObject({ name, code: ErrorCode.invalidOption });
    expect((error as Error).message).toMatch(/^Cannot create datagram client: /);
    expect((error as Error).message).toContain(says);
  });

  test("are not changed, and may change afterwards", async () => {
    const options: { -readonly [Name in keyof DatagramClientOptions<string>]: DatagramClientOptions<string>[Name] } = {
      maxConcurrentRequests: 1,
      retry: Object.freeze({ maxAttempts: 2 }),
    };
    await using client = make(HERE, TEXT, Object.freeze({ ...options }));
    await using other = make(HERE, TEXT, options);
    options.maxConcurrentRequests = -1;
    for (const each of [client, other]) await each.send("works");
  });

  test.each([
    { requestTimeoutMs: 0 },
    { requestTimeoutMs: Infinity },
    { maxConcurrentRequests: Infinity, requestQueueSize: Infinity },
    { retry: { maxAttempts: Infinity, minDelayMs: 0, maxDelayMs: 0, factor: 1, jitter: 1 } },
    { sourceAddress: { host: "127.0.0.1", port: 0 } },
    { correlateBy: { request: "a", reply: "b" } },
    { correlateBy: undefined, retry: undefined },
  ])("may be %o", (options) => {
    expect(() => make(HERE, TEXT, options)).not.toThrow();
  });
});

describe("the arguments of DatagramClient.request()", () => {
  test.each([
    [{ timeoutMs: -1 }, "RangeError", "timeoutMs must be an integer from 0 to 2147483647 or Infinity, received -1"],
    [{ timeoutMs: "5" }, "TypeError", 'timeoutMs must be an integer from 0 to 2147483647 or Infinity, received "5"'],
    [{ signal: {} }, "TypeError", "signal must be an AbortSignal, received {}"],
  ])("refuse %j", async (patience, name, says) => {
    await using client = make(HERE, TEXT);
    await expect(client.request("hello", patience as never)).rejects.toMatchObject({
      name,
      code: ErrorCode.invalidArgument,
      message: `Cannot request: ${says}`,
    });
  });

  test("refuse a message that the codec cannot tell, before anything is opened", async () => {
    const expectNothingLeft = leakCheck();
    await using client = make(HERE, lines().text());
    const invalid = { code: ErrorCode.invalidMessage };
    await expect(client.request("two\nlines")).rejects.toMatchObject(invalid);
    await expect(client.request(5 as never)).rejects.toMatchObject(invalid);
    await expect(client.send("two\nlines")).rejects.toMatchObject(invalid);
    await expectNothingLeft();
  });
});
