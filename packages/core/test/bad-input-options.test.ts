import {
  AsyncTCPServer,
  AsyncUDPServer,
  BaseRequestHandler,
  ForkingTCPServer,
  TCPServer,
  ThreadingTCPServer,
  type ServerOptions,
  type WorkerPoolOptions,
} from "@socketserver/core";
import { availableParallelism } from "node:os";
import { describe, expect, test } from "vitest";

import { expectComplaint } from "./support/complaint.ts";

class Handler extends BaseRequestHandler {}

/** What an option takes: written down here once more, from the documentation. */
interface Documented {
  readonly defaultValue: number | undefined;
  readonly min: number;
  readonly max: number;
  readonly unbounded?: boolean;
}

const TIMER = 2_147_483_647;
const SAFE = Number.MAX_SAFE_INTEGER;

/** Without the lists of addresses. */
const OPTIONS: Readonly<Record<Exclude<keyof ServerOptions, "allowAddresses" | "denyAddresses">, Documented>> = {
  backlog: { defaultValue: 511, min: 1, max: TIMER },
  requestQueueSize: { defaultValue: 512, min: 0, max: SAFE, unbounded: true },
  maxConnections: { defaultValue: 16_384, min: 0, max: SAFE, unbounded: true },
  maxConnectionsPerAddress: { defaultValue: Infinity, min: 0, max: SAFE, unbounded: true },
  maxConnectionsPerSubnet: { defaultValue: Infinity, min: 0, max: SAFE, unbounded: true },
  ipv4SubnetPrefix: { defaultValue: 24, min: 0, max: 32 },
  ipv6SubnetPrefix: { defaultValue: 64, min: 0, max: 128 },
  maxAcceptRate: { defaultValue: Infinity, min: 0, max: SAFE, unbounded: true },
  maxAcceptRatePerAddress: { defaultValue: Infinity, min: 0, max: SAFE, unbounded: true },
  admissionWaitMs: { defaultValue: 0, min: 0, max: TIMER, unbounded: true },
  admissionQueueSize: { defaultValue: 512, min: 0, max: SAFE, unbounded: true },
  verifyTimeoutMs: { defaultValue: 10_000, min: 0, max: TIMER, unbounded: true },
  idleTimeoutMs: { defaultValue: 300_000, min: 0, max: TIMER, unbounded: true },
  deadlineMs: { defaultValue: Infinity, min: 0, max: TIMER, unbounded: true },
  firstByteTimeoutMs: { defaultValue: Infinity, min: 0, max: TIMER, unbounded: true },
  maxAgeMs: { defaultValue: Infinity, min: 0, max: TIMER, unbounded: true },
  minReadRate: { defaultValue: 0, min: 0, max: SAFE, unbounded: true },
  minWriteRate: { defaultValue: 0, min: 0, max: SAFE, unbounded: true },
  rateGraceMs: { defaultValue: 5_000, min: 0, max: TIMER, unbounded: true },
  highWaterMark: { defaultValue: 65_536, min: 0, max: SAFE, unbounded: true },
  maxBufferedBytes: { defaultValue: Infinity, min: 0, max: SAFE, unbounded: true },
  reservedDescriptors: { defaultValue: 32, min: 0, max: SAFE },
  writeStallMs: { defaultValue: 30_000, min: 0, max: TIMER, unbounded: true },
  lameDuckMs: { defaultValue: 0, min: 0, max: TIMER, unbounded: true },
  lingerMs: { defaultValue: 2_000, min: 0, max: TIMER, unbounded: true },
  graceMs: { defaultValue: 15_000, min: 0, max: TIMER, unbounded: true },
  maxPacketSize: { defaultValue: 65_535, min: 0, max: SAFE, unbounded: true },
  timeoutMs: { defaultValue: Infinity, min: 0, max: TIMER, unbounded: true },
  pollIntervalMs: { defaultValue: 500, min: 1, max: TIMER, unbounded: true },
};

/** Of each worker; without the flag `relay`. */
const POOL_OPTIONS: Readonly<Record<Exclude<keyof WorkerPoolOptions, "relay">, Documented>> = {
  requestsPerWorker: { defaultValue: undefined, min: 1, max: SAFE, unbounded: true },
  heartbeatTimeoutMs: { defaultValue: 30_000, min: 100, max: TIMER, unbounded: true },
  readyTimeoutMs: { defaultValue: 30_000, min: 1, max: TIMER, unbounded: true },
  startAttempts: { defaultValue: 8, min: 1, max: SAFE, unbounded: true },
  recycleAfterRequests: { defaultValue: Infinity, min: 1, max: SAFE, unbounded: true },
  recycleAfterMs: { defaultValue: Infinity, min: 1_000, max: TIMER, unbounded: true },
  maxHeapSize: { defaultValue: undefined, min: 16 * 1_048_576, max: SAFE },
};

/** A number option, the class that takes it, and the way to write it. */
interface Case extends Documented {
  readonly name: string;
  readonly Server: new (address: { port: number }, handler: never, options: never) => { readonly options: object };
  readonly wrap: (value: unknown) => object;
  readonly unwrap: (options: object) => unknown;
}

const nested = (key: string, name: string, Server: Case["Server"], documented: Documented): Case => ({
  ...documented,
  name: `${key}.${name}`,
  Server,
  wrap: (value) => ({ [key]: { [name]: value } }),
  unwrap: (options) => (options as Record<string, Record<string, unknown>>)[key]?.[name],
});

const CASES: readonly Case[] = [
  ...Object.entries(OPTIONS).map(([name, documented]): Case => ({
    ...documented,
    name,
    Server: TCPServer,
    wrap: (value) => ({ [name]: value }),
    unwrap: (options) => (options as Record<string, unknown>)[name],
  })),
  nested("async", "maxConcurrentRequests", AsyncTCPServer, {
    defaultValue: undefined,
    min: 1,
    max: SAFE,
    unbounded: true,
  }),
  nested("async", "maxConcurrentRequests", AsyncUDPServer, {
    defaultValue: undefined,
    min: 1,
    max: SAFE,
    unbounded: true,
  }),
  ...(
    [
      ["threading", "threads", ThreadingTCPServer],
      ["forking", "processes", ForkingTCPServer],
    ] as const
  ).flatMap(([key, count, Server]) => [
    nested(key, count, Server, { defaultValue: availableParallelism(), min: 1, max: 1_024 }),
    ...Object.entries(POOL_OPTIONS).map(([name, documented]) => nested(key, name, Server, documented)),
  ]),
];

const code = "ERR_SOCKETSERVER_INVALID_OPTION";
const make = (Server: Case["Server"], options: unknown): { readonly options: object } =>
  new Server({ port: 0 }, Handler as never, options as never);

for (const { name, Server, defaultValue, min, max, unbounded = false, wrap, unwrap } of CASES) {
  describe(`${Server.name} option ${name}`, () => {
    test("takes its smallest and its largest value, and undefined for its default", () => {
      for (const value of [min, max, ...(unbounded ? [Infinity] : [])]) {
        expect(unwrap(make(Server, wrap(value)).options)).toBe(value);
      }
      expect(unwrap(make(Server, wrap(undefined)).options)).toBe(defaultValue);
    });

    test("refuses what is just outside, with the value and the range", () => {
      const above = max === SAFE ? 2 ** 53 : max + 1;
      for (const value of [min - 1, above, min + 0.5, Number.NaN, -Infinity, ...(unbounded ? [] : [Infinity])]) {
        const says = [`${name} must be an integer`, `${min}`, unbounded ? "Infinity" : "", `received ${value}`];
        expectComplaint(() => make(Server, wrap(value)), { type: RangeError, code, says });
      }
    });

    test("refuses what is no number, with the value and the range", () => {
      for (const [value, shown] of [
        [null, "null"],
        [`${min}`, `"${min}"`],
        [true, "true"],
        [{}, "{}"],
        [[min], `[${min}]`],
        [1n, "1"],
        [() => min, "a function"],
      ] as const) {
        const says = [`${name} must be an integer`, `received ${shown}`];
        expectComplaint(() => make(Server, wrap(value)), { type: TypeError, code, says });
      }
    });
  });
}

describe("options", () => {
  test("have the documented defaults, are frozen, and leave the caller's object alone", () => {
    const given = { graceMs: 5 };
    const { options } = make(TCPServer, given);
    const defaults = Object.fromEntries(
      Object.entries(OPTIONS).map(([name, { defaultValue }]) => [name, defaultValue]),
    );
    expect(options).toEqual({ ...defaults, allowAddresses: undefined, denyAddresses: [], graceMs: 5 });
    expect(Object.isFrozen(options)).toBe(true);
    expect(given).toEqual({ graceMs: 5 });
    expect(Object.isFrozen(given)).toBe(false);
  });

  test.for([null, 5, "fast", true, [], () => {}])("that are no object are refused: %s", (given) => {
    const says = ["options must be an object", "received"];
    expectComplaint(() => make(TCPServer, given), { type: TypeError, code, says });
  });

  test.for([null, 5, "fast", []])("of a mixin that are no object are refused: %s", (given) => {
    expectComplaint(() => make(AsyncTCPServer, { async: given }), {
      type: TypeError,
      code,
      says: ["async must be an object", "received"],
    });
    expectComplaint(() => make(ThreadingTCPServer, { threading: given }), {
      type: TypeError,
      code,
      says: ["threading must be an object", "received"],
    });
    expectComplaint(() => make(ForkingTCPServer, { forking: given }), {
      type: TypeError,
      code,
      says: ["forking must be an object", "received"],
    });
  });

  test.for(["maxConection", "max_connections", "constructor", "toString"])(
    "that do not exist are refused, and the known ones listed: %s",
    (name) => {
      const says = [`"${name}"`, "known are", "maxConnections"];
      expectComplaint(() => make(TCPServer, { [name]: 1 }), { type: TypeError, code, says });
    },
  );

  test("that do not exist in a mixin are refused, and the known ones listed", () => {
    expectComplaint(() => make(AsyncTCPServer, { async: { max: 1 } }), {
      type: TypeError,
      code,
      says: ['"async.max"', "known are maxConcurrentRequests"],
    });
    expectComplaint(() => make(ForkingTCPServer, { forking: { threads: 1 } }), {
      type: TypeError,
      code,
      says: ['"forking.threads"', "known are", "processes", "requestsPerWorker"],
    });
  });

  test("of a mixin that is not there are refused", () => {
    expectComplaint(() => make(TCPServer, { threading: { threads: 1 } }), {
      type: TypeError,
      code,
      says: ['"threading"'],
    });
    expectComplaint(() => make(AsyncTCPServer, { threading: { threads: 1 } }), {
      type: TypeError,
      code,
      says: ['"threading"', "async"],
    });
    expectComplaint(() => make(ThreadingTCPServer, { forking: { processes: 1 } }), {
      type: TypeError,
      code,
      says: ['"forking"', "threading"],
    });
  });

  test("named timeout are refused, and told of timeoutMs", () => {
    expectComplaint(() => make(TCPServer, { timeout: 5 }), {
      type: TypeError,
      code,
      says: ['"timeout"', "timeoutMs", "seconds"],
    });
  });
});
