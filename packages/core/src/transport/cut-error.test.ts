import { describe, expect, test } from "vitest";

import { expectLawful } from "../../test/support/complaint.ts";
import { CloseReason } from "../close-reason.ts";
import { PeerError, SocketServerError } from "../errors.ts";
import { cutError } from "./cut-error.ts";

describe("cutError()", () => {
  test.each([
    [CloseReason.deadline, "ERR_SOCKETSERVER_DEADLINE", false],
    [CloseReason.maxAge, "ERR_SOCKETSERVER_MAX_AGE", false],
    [CloseReason.drain, "ERR_SOCKETSERVER_DRAINED", false],
    [CloseReason.memory, "ERR_SOCKETSERVER_MEMORY", false],
    [CloseReason.slowReader, "ERR_SOCKETSERVER_SLOW_READER", true],
    [CloseReason.firstByte, "ERR_SOCKETSERVER_FIRST_BYTE_TIMEOUT", true],
    [CloseReason.aborted, "ERR_SOCKETSERVER_CONNECTION_CLOSED", false],
  ] as const)("for %s has the code %s, and blames the peer: %s", (reason, code, ofPeer) => {
    const error = cutError(reason);
    expect(error).toBeInstanceOf(SocketServerError);
    expect(error instanceof PeerError).toBe(ofPeer);
    expect(error.code).toBe(code);
  });

  test.each(Object.values(CloseReason))("for %s names the reason in a lawful message", (reason) => {
    const { message } = cutError(reason);
    expectLawful(message);
    expect(message).toContain(reason);
  });

  test("says of something else what the problem is", () => {
    expect(cutError(CloseReason.deadline, "Cannot reply: the packet was given up").message).toBe(
      "Cannot reply: the packet was given up (deadline)",
    );
  });
});
