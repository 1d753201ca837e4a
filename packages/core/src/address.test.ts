import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { formatAddress, internetAddress, resolveInternetAddress, resolveUnixAddress } from "./address.ts";

const longest = process.platform === "darwin" ? 103 : 107;

describe("formatAddress()", () => {
  test.each([
    [{ host: "127.0.0.1", port: 80 }, "127.0.0.1:80"],
    [{ host: "::1", port: 80 }, "[::1]:80"],
    [{ host: "localhost", port: 0 }, "localhost:0"],
    [{ path: "/run/app.sock" }, "/run/app.sock"],
    [{ path: "\0abstract" }, "@abstract"],
    [{ path: "" }, "(unnamed)"],
  ])("writes %j as %s", (address, text) => {
    expect(formatAddress(address)).toBe(text);
  });
});

describe("internetAddress()", () => {
  test("shows every mapped IPv4 address as IPv4", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.constantFrom("::ffff:", "::FFFF:"), (ip, prefix) => {
        expect(internetAddress(prefix + ip, 1)).toEqual({ host: ip, port: 1 });
        expect(internetAddress(ip, 1)).toEqual({ host: ip, port: 1 });
      }),
      { numRuns: 100 },
    );
  });

  test.each(["::1", "2001:db8::1", "fe80::1%eth0", "::ffff:7f00:1"])("leaves %s alone", (host) => {
    expect(internetAddress(host, 1).host).toBe(host);
  });
});

describe("resolveInternetAddress()", () => {
  test("fills in the host, freezes, and leaves the caller's object alone", () => {
    const input = { port: 0 };
    const address = resolveInternetAddress(input);
    expect(address).toEqual({ host: "127.0.0.1", port: 0 });
    expect(Object.isFrozen(address)).toBe(true);
    expect(input).toEqual({ port: 0 });
  });

  test.each([0, 65_535])("accepts port %d", (port) => {
    expect(resolveInternetAddress({ host: "::", port })).toEqual({ host: "::", port });
  });

  test.each([-1, 65_536, 1.5, NaN, Infinity])("rejects port %d with a RangeError", (port) => {
    expect(() => resolveInternetAddress({ port })).toThrow(
      expect.objectContaining({
        name: "RangeError",
        code: "ERR_SOCKETSERVER_INVALID_ADDRESS",
        message: `Cannot create server: address.port must be an integer from 0 to 65535, received ${port}`,
      }) as Error,
    );
  });

  test.each([
    [undefined, "undefined"],
    [null, "null"],
    [5051, "5051"],
    ["127.0.0.1:5051", '"127.0.0.1:5051"'],
    [["127.0.0.1", 5051], '["127.0.0.1",5051]'],
    [{}, "address.port must be a number, received undefined"],
    [{ port: "80" }, 'address.port must be a number, received "80"'],
    [{ host: "", port: 80 }, 'address.host must be a host name or an IP address, received ""'],
    [{ host: null, port: 80 }, "received null"],
    [{ host: "::", port: 80, backlog: 5 }, 'received the key "backlog"'],
    [{ path: "/run/x" }, "a path needs a Unix server"],
  ])("rejects %j with a TypeError that shows it", (input, shown) => {
    expect(() => resolveInternetAddress(input)).toThrow(
      expect.objectContaining({
        name: "TypeError",
        code: "ERR_SOCKETSERVER_INVALID_ADDRESS",
        message: expect.stringContaining(shown) as string,
      }) as Error,
    );
  });
});

describe("resolveUnixAddress()", () => {
  test.each(["/run/app.sock", "relative", "\0abstract", "x".repeat(longest)])("accepts %j", (path) => {
    const address = resolveUnixAddress({ path });
    expect(address).toEqual({ path });
    expect(Object.isFrozen(address)).toBe(true);
  });

  test.each([
    ["RangeError", { path: "" }],
    ["RangeError", { path: "\0" }],
    ["RangeError", { path: "/run\0/x" }],
    ["RangeError", { path: "x".repeat(longest + 1) }],
    ["RangeError", { path: "ü".repeat(60) }],
    ["TypeError", undefined],
    ["TypeError", null],
    ["TypeError", "/run/app.sock"],
    ["TypeError", {}],
    ["TypeError", { path: 5 }],
    ["TypeError", { path: "/run/x", port: 80 }],
    ["TypeError", { port: 80 }],
  ])("rejects with a %s: %j", (name, input) => {
    expect(() => resolveUnixAddress(input)).toThrow(
      expect.objectContaining({ name, code: "ERR_SOCKETSERVER_INVALID_ADDRESS" }) as Error,
    );
  });
});
