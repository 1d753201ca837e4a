/**
 * How many file descriptors this process may still open.
 *
 * The runtime does not tell, and hides that none is left: libuv then closes every connection that comes, without a word to anybody.
 *
 * @module
 */

import { closeSync, openSync, readFileSync, statSync } from "node:fs";

import { codeOf } from "../errors.ts";

/** Nothing of it matters: opening it needs a descriptor and nothing else. */
const ANY_FILE = "/dev/null";

const NONE_LEFT: ReadonlySet<string | undefined> = new Set(["EMFILE", "ENFILE"]);

/** The part of a diagnostic report that tells of limits. */
interface Report {
  readonly userLimits?: { readonly open_files?: { readonly soft?: unknown } };
}

/**
 * How many descriptors this process may have; `Infinity` if nobody knows, as on Windows. Read it early: where none is left, it cannot be.
 */
export function descriptorLimit(): number {
  try {
    if (process.platform === "linux") {
      return Number(/^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1] ?? Infinity);
    }
    if (process.platform === "win32") return Infinity;
    const limit = (process.report.getReport() as Report).userLimits?.open_files?.soft;
    return typeof limit === "number" ? limit : Infinity;
  } catch {
    return Infinity;
  }
}

/** Of a small limit, what may be reserved at most. */
const MAX_SHARE = 1 / 4;

/** How many descriptors are reserved of a limit: as many as is wished, but for small limits. */
export function reserveOf(limit: number, wished: number): number {
  return Math.min(wished, Math.floor(limit * MAX_SHARE));
}

/** How many descriptors this process has: exactly on a Linux from 6.2 on, else at least. Takes a few microseconds. */
export function openDescriptors(): number {
  try {
    const { size } = statSync("/proc/self/fd");
    if (size > 0) return size;
  } catch {
    // There is no such file elsewhere.
  }
  return lowestFreeDescriptor();
}

/** All numbers below the lowest free one are taken. */
function lowestFreeDescriptor(): number {
  try {
    const descriptor = openSync(ANY_FILE, "r");
    closeSync(descriptor);
    return descriptor;
  } catch (error) {
    return NONE_LEFT.has(codeOf(error)) ? Infinity : 0;
  }
}

/** Keep a descriptor, to be given back when none is left; undefined if none is. */
export function spareDescriptor(): number | undefined {
  try {
    return openSync(ANY_FILE, "r");
  } catch {
    return undefined;
  }
}
