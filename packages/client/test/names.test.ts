import * as client from "@socketserver/client";
import { ErrorCode } from "@socketserver/core";
import { describe, expect, test } from "vitest";

/** The documented names, by what they are for. */
const DOCUMENTED = {
  connections: ["connect"],
  messages: ["Channel", "ReconnectingChannel", "ChannelState"],
  datagrams: ["DatagramClient"],
  errors: ["ClientErrorCode", "ConnectError", "RequestError"],
} as const;

describe("@socketserver/client", () => {
  test("exports exactly the documented names", () => {
    expect(Object.keys(client).toSorted()).toEqual(Object.values(DOCUMENTED).flat().toSorted());
  });
});

describe("ClientErrorCode", () => {
  test("has codes of the house, each once, and none that core has", () => {
    const codes = Object.values(client.ClientErrorCode);
    for (const code of codes) expect(code).toMatch(/^ERR_SOCKETSERVER_[A-Z]+(_[A-Z]+)*$/);
    expect(new Set([...codes, ...Object.values(ErrorCode)]).size).toBe(codes.length + Object.values(ErrorCode).length);
  });
});

describe("ChannelState", () => {
  test("has values that are their names", () => {
    for (const [name, value] of Object.entries(client.ChannelState)) expect(value).toBe(name);
  });
});
