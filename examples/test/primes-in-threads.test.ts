import { dial, leakCheck, talk } from "@socketserver/testing";
import { beforeEach, describe, expect, test } from "vitest";

import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

describe("primes-in-threads.ts", () => {
  test("counts primes, and says what it takes", async () => {
    await using program = runExample("primes-in-threads.ts");
    const answer = await talk(await addressOf(program), "0\n2\n1000000\n-1\n999999999\n");
    const complaint = "a whole number of at most 8 digits, please";
    expect(answer.toString().split("\n")).toEqual(["0", "1", "78498", complaint, complaint, ""]);
    expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });

  test("answers a small number while another thread computes a large one", async () => {
    await using program = runExample("primes-in-threads.ts");
    const address = await addressOf(program);
    await using patient = await dial(address);
    await patient.sendAll("99999999\n");
    const large = patient.recv();
    let answered = false;
    void large.then(() => {
      answered = true;
    });
    expect((await talk(address, "100\n")).toString()).toBe("25\n");
    expect(answered).toBe(false);
    expect((await large).toString()).toBe("5761455\n");
    await patient.close();
    expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });
});
