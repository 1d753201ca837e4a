import { closeSync, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";

import { descriptorLimit, openDescriptors, spareDescriptor } from "./descriptors.ts";

vi.mock("node:fs", { spy: true });

/** A system that says of every file that it is not there, or cannot be opened. */
function withError(code: string): () => never {
  return () => {
    throw Object.assign(new Error(`${code}: refused`), { code });
  };
}

function onPlatform(platform: NodeJS.Platform): void {
  vi.stubGlobal("process", Object.create(process, { platform: { value: platform } }));
}

afterEach(() => {
  vi.resetAllMocks();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** So many files more than now. */
function opened(count: number, work: () => void): void {
  const descriptors = Array.from({ length: count }, () => openSync("/dev/null", "r"));
  try {
    work();
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor);
  }
}

describe("descriptorLimit()", () => {
  test.runIf(process.platform === "linux")("answers what ulimit -n does", () => {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1")) ?? [];
    expect(descriptorLimit()).toBe(Number(soft));
    expect(descriptorLimit()).toBeGreaterThan(10);
  });

  test.runIf(process.platform === "linux")("knows where there is no limit, and where nobody knows", () => {
    vi.mocked(readFileSync).mockReturnValueOnce(
      "Max open files            unlimited            unlimited            files",
    );
    expect(descriptorLimit()).toBe(Infinity);
    vi.mocked(readFileSync).mockImplementationOnce(withError("ENOENT"));
    expect(descriptorLimit()).toBe(Infinity);
  });

  test("asks the runtime's report on another Unix, and nobody on Windows", () => {
    onPlatform("darwin");
    const report = vi.spyOn(process.report, "getReport");
    report.mockReturnValueOnce({ userLimits: { open_files: { soft: 256, hard: "unlimited" } } });
    expect(descriptorLimit()).toBe(256);
    report.mockReturnValueOnce({ userLimits: { open_files: { soft: "unlimited" } } });
    expect(descriptorLimit()).toBe(Infinity);
    report.mockReturnValueOnce({});
    expect(descriptorLimit()).toBe(Infinity);
    onPlatform("win32");
    expect(descriptorLimit()).toBe(Infinity);
    expect(report).toHaveBeenCalledTimes(3);
  });
});

describe("openDescriptors()", () => {
  test("grows by one for each file, and shrinks when it is closed", () => {
    const before = openDescriptors();
    opened(5, () => expect(openDescriptors()).toBe(before + 5));
    expect(openDescriptors()).toBe(before);
  });

  test.each([
    ["the directory tells no size", () => vi.mocked(statSync).mockReturnValue({ size: 0 } as never)],
    ["there is no such directory", () => vi.mocked(statSync).mockImplementation(withError("ENOENT"))],
  ])("answers at least how many there are below the first gap where %s", (_name, prepare) => {
    const exactly = openDescriptors();
    prepare();
    const before = openDescriptors();
    expect(before).toBeGreaterThan(2);
    expect(before).toBeLessThanOrEqual(exactly + 1);
    opened(5, () => expect(openDescriptors()).toBeGreaterThanOrEqual(before + 5));
    expect(openDescriptors()).toBe(before);
  });

  test.each([
    ["EMFILE", Infinity],
    ["ENFILE", Infinity],
    ["EACCES", 0],
  ])("counts, where only opening a file tells and that fails with %s, %d", (code, expected) => {
    vi.mocked(statSync).mockReturnValue({ size: 0 } as never);
    vi.mocked(openSync).mockImplementation(withError(code));
    expect(openDescriptors()).toBe(expected);
  });
});

describe("spareDescriptor()", () => {
  test("is an open descriptor, which whoever asked for it closes", () => {
    const before = openDescriptors();
    const spare = spareDescriptor() as number;
    expect(fstatSync(spare).isCharacterDevice()).toBe(true);
    expect(openDescriptors()).toBe(before + 1);
    closeSync(spare);
    expect(openDescriptors()).toBe(before);
  });

  test("is undefined when there is none", () => {
    vi.mocked(openSync).mockImplementation(withError("EMFILE"));
    expect(spareDescriptor()).toBeUndefined();
  });
});
