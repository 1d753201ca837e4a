import { leakCheck, talk } from "@socketserver/testing";
import { scryptSync } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";

import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

describe("hashing-in-processes.ts", () => {
  test("hashes every line with a salt of its own, in the notation of crypt", async () => {
    await using program = runExample("hashing-in-processes.ts");
    const answer = await talk(await addressOf(program), "secret\nsecret\n");
    const hashes = answer.toString().trimEnd().split("\n");
    expect(new Set(hashes).size).toBe(2);
    for (const hash of hashes) {
      const [, salt = "", key = ""] = /^\$scrypt\$ln=15,r=8,p=1\$([^$]+)\$([^$]+)$/.exec(hash) ?? [];
      const again = scryptSync("secret", Buffer.from(salt, "base64"), 32, { N: 32_768, r: 8, p: 1, maxmem: 2 ** 26 });
      expect(again.toString("base64")).toBe(key);
    }
    expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });
});
