import { leakCheck, serve } from "@socketserver/testing";
import { readFile, readdir } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";

import { EchoHandler } from "../echo.ts";
import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

const folder = new URL("../", import.meta.url);
const files = (await readdir(folder)).filter((file) => file.endsWith(".ts"));
const sources = await Promise.all(files.map((file) => readFile(new URL(file, folder), "utf8")));
const programs = files.filter((_, index) => sources[index]?.includes("import.meta.main"));
const readme = await readFile(new URL("README.md", folder), "utf8");
const examples = [...readme.matchAll(/^\| \[([\w-]+\.ts)\]\(\1\)/gm)].map(([, file]) => String(file));
const CLIENTS = ["client.ts", "calculator-client.ts", "load-generator.ts"];
const streamServers = examples.filter((file) => !CLIENTS.includes(file) && file !== "udp-echo.ts");

/** The long example: its program, and its protocol. */
const LONG = ["key-value-server.ts", "resp.ts"];

function linesOf(file: string): number {
  return String(sources[files.indexOf(file)]).trimEnd().split("\n").length;
}

describe("Every example", () => {
  test.each(files.filter((file) => !LONG.includes(file)))("%s has at most 40 lines", (file) => {
    expect(linesOf(file)).toBeLessThanOrEqual(40);
  });

  test("that is long has at most 400 lines", () => {
    const [program, protocol] = LONG.map(linesOf);
    expect(Number(program) + Number(protocol)).toBeLessThanOrEqual(400);
  });

  test("that is a program stands in the table of README.md, which has no other", () => {
    expect(examples.toSorted()).toEqual(programs.toSorted());
  });
});

describe("start()", () => {
  test.each(streamServers)("%s says in one line that its port is taken", async (file) => {
    await using running = await serve(EchoHandler);
    await using program = runExample(file, [String(running.port)]);
    expect(await program.end()).toEqual({
      code: 1,
      stdout: "",
      stderr:
        `Cannot listen on 127.0.0.1:${running.port}: EADDRINUSE: another program, or another server of this one, ` +
        "uses that address; choose another, or port 0 for any free port\n",
    });
  });

  test("udp-echo.ts says in one line that its port is taken", async () => {
    await using first = runExample("udp-echo.ts");
    const { port } = await addressOf(first);
    await using second = runExample("udp-echo.ts", [String(port)]);
    const { code, stdout, stderr } = await second.end();
    expect(stderr).toMatch(/^Cannot listen on 127\.0\.0\.1:\d+: EADDRINUSE: .*\n$/);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  });

  test("ends on SIGTERM as on SIGINT", async () => {
    await using program = runExample("echo.ts");
    await addressOf(program);
    expect(await program.end("SIGTERM")).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("portOr()", () => {
  test.each(["abc", "70000", "-1", "1e3", "5.5", " 1", "0x10"])("refuses the port %j in one line", async (port) => {
    await using program = runExample("threaded-upper-server.ts", [port]);
    expect(await program.end()).toEqual({
      code: 1,
      stdout: "",
      stderr: `Cannot start: the port must be a whole number from 0 to 65535, received "${port}"\n`,
    });
  });

  test("takes the environment variable PORT, unless there is an argument", async () => {
    await using fromVariable = runExample("echo.ts", [], { PORT: "0" });
    await addressOf(fromVariable);
    expect(fromVariable.lines[0]).not.toMatch(/:5007$/);
    await using fromArgument = runExample("echo.ts", ["0"], { PORT: "no port" });
    await addressOf(fromArgument);
    expect(await fromVariable.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
    expect(await fromArgument.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });
});
