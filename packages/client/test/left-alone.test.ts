import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { Program } from "../../core/test/support/program.ts";

beforeEach(() => leakCheck());

const PROGRAM = new URL("./fixtures/left-alone-program.ts", import.meta.url).pathname;

describe("A call that is left alone when what it was made on is closed", () => {
  test("is no unhandled rejection, and still tells whoever asks", async () => {
    await using program = new Program(process.execPath, [PROGRAM]);
    expect(await program.end()).toEqual({
      code: 0,
      stdout: ["ask", "askAgain", "askForDatagram"]
        .map((call) => `${call}: ERR_SOCKETSERVER_CONNECTION_CLOSED`)
        .join("\n"),
      stderr: "",
    });
  });
});
