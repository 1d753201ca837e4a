import { describe, expect, test } from "vitest";

import { messageIn } from "./envelope.ts";

describe("messageIn()", () => {
  test("answers the message in an envelope", () => {
    const message = { type: "gone", id: 1 } as const;
    expect(messageIn({ socketserver: message })).toBe(message);
  });

  test.each([undefined, null, 0, "ready", true, [], {}, { type: "gone", id: 1 }, { socketserver: undefined }])(
    "answers nothing for what a handler may post: %j",
    (received) => {
      expect(messageIn(received)).toBeUndefined();
    },
  );

  test("answers nothing for an envelope with null, which has no type that could be asked for", () => {
    expect(messageIn({ socketserver: null })).toBeUndefined();
  });
});
