import { describe, expect, test } from "vitest";

import type { Address } from "../address.ts";
import { checkDatagram } from "./datagram-socket.ts";

const address = { host: "192.0.2.1", port: 7 };

function invalid(message: string): Error {
  return expect.objectContaining({
    name: "TypeError",
    code: "ERR_SOCKETSERVER_INVALID_ARGUMENT",
    message: `Cannot send: ${message}`,
  }) as Error;
}

describe("checkDatagram()", () => {
  test.each([["text"], [""], [new Uint8Array(3)], [Buffer.from("x")], [Buffer.alloc(0)]])("accepts %o", (data) => {
    expect(() => checkDatagram(data, address)).not.toThrow();
  });

  test.each([
    [undefined, "undefined"],
    [5, "5"],
    [null, "null"],
    [[1, 2], "[1,2]"],
    [{ a: 1 }, '{"a":1}'],
    [new Uint16Array(1), expect.anything()],
    [new ArrayBuffer(1), expect.anything()],
  ])("refuses %o as data", (data, shown) => {
    const message = typeof shown === "string" ? `data must be a string or a Uint8Array, received ${shown}` : undefined;
    const refusal = message === undefined ? TypeError : invalid(message);
    expect(() => checkDatagram(data, address)).toThrow(refusal);
  });

  test("refuses the path of a Unix socket as an address", () => {
    const path: Address = { path: "/run/x.sock" };
    expect(() => checkDatagram("x", path)).toThrow(
      invalid('address must have host and port, received {"path":"/run/x.sock"}'),
    );
  });
});
