import { leakCheck } from "@socketserver/testing";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";

import { askNumbers } from "../src/load/ask-numbers.ts";

/** A server of this process that says one of these after the other. */
async function saying(...answers: readonly string[]): Promise<AsyncDisposable & { readonly port: number }> {
  let index = 0;
  const server = createServer((socket) => void socket.end(answers[index++] ?? ""));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async (): Promise<void> => void (await once(server.close(), "close"));
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: close };
}

describe("askNumbers()", () => {
  test("asks one after the other", async () => {
    const expectNothingLeft = leakCheck();
    {
      await using server = await saying("1.5", "20", "3");
      expect(await askNumbers(server.port, 3)).toEqual([1.5, 20, 3]);
    }
    await expectNothingLeft();
  });

  test.each(["", "Cannot find package"])("rejects what is no number: %j", async (answer) => {
    await using server = await saying(answer);
    await expect(askNumbers(server.port, 1)).rejects.toThrow(JSON.stringify(answer));
  });
});
