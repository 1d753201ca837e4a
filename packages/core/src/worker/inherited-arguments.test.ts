import { describe, expect, test } from "vitest";

import { inheritedArguments } from "./inherited-arguments.ts";

describe("inheritedArguments()", () => {
  test("keeps what a worker needs as its program does", () => {
    const own = [
      "--import",
      "./register.js",
      "--require=./hook.cjs",
      "-r",
      "./hook.cjs",
      "--conditions=development",
      "-C",
      "development",
      "--enable-source-maps",
      "--max-old-space-size=512",
      "--env-file",
      ".env",
      "--no-warnings",
      "--permission",
      "--stack-trace-limit=50",
    ];
    expect(inheritedArguments(own)).toEqual(own);
  });

  test.each([
    "--inspect",
    "--inspect=127.0.0.1:9229",
    "--inspect-brk",
    "--inspect-wait=0",
    "--inspect-port=9229",
    "--inspect-publish-uid=http",
    "--watch",
    "--watch-path=./src",
    "--watch-preserve-output",
    "--test",
    "--test-only",
    "--test-reporter=spec",
    "--check",
    "-c",
    "--interactive",
    "-i",
    "--input-type=module",
    "--eval=1",
    "--prof",
    "--cpu-prof",
    "--cpu-prof-dir=/profiles",
    "--heap-prof",
  ])("leaves out %s, which is about the program's own process", (argument) => {
    expect(inheritedArguments([argument])).toEqual([]);
    expect(inheritedArguments(["--no-warnings", argument, "--enable-source-maps"])).toEqual([
      "--no-warnings",
      "--enable-source-maps",
    ]);
  });

  test.each(["-e", "--eval", "-p", "--print", "-pe"])("leaves out %s with the program after it", (argument) => {
    expect(inheritedArguments(["--no-warnings", argument, "serve()", "--enable-source-maps"])).toEqual([
      "--no-warnings",
      "--enable-source-maps",
    ]);
  });

  test.each([
    ["--watch-path", "./src"],
    ["--watch-kill-signal", "SIGINT"],
    ["--inspect-port", "9229"],
    ["--inspect-publish-uid", "http"],
    ["--test-reporter", "spec"],
    ["--test-name-pattern", "serves"],
    ["--input-type", "module"],
    ["--cpu-prof-dir", "/profiles"],
    ["--heap-prof-name", "profile"],
  ])("leaves out %s with the value after it: a worker would take that for its program", (argument, value) => {
    expect(inheritedArguments(["--no-warnings", argument, value, "--enable-source-maps"])).toEqual([
      "--no-warnings",
      "--enable-source-maps",
    ]);
  });

  test("keeps the value of an argument that looks like one of those", () => {
    expect(inheritedArguments(["--title", "eval", "--import", "./test.js"])).toEqual([
      "--title",
      "eval",
      "--import",
      "./test.js",
    ]);
  });

  test("begins with those of this process", () => {
    expect(inheritedArguments()).toEqual(inheritedArguments(process.execArgv));
  });
});
