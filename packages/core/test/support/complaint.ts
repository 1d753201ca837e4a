import { expect } from "vitest";

/** What an error of bad input is. */
export interface Complaint {
  readonly type: typeof TypeError | typeof RangeError;
  readonly code: string;
  /** What its message contains: the value that was received, and the remedy. */
  readonly says: readonly string[];
}

/**
 * Call what throws, and check its error: the class, the code, and the law of messages, *Cannot verb object: present state*, upper case first, no
 * full stop.
 */
export function expectComplaint(work: () => unknown, { type, code, says }: Complaint): void {
  let error: unknown;
  try {
    work();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(type);
  expect(error).toMatchObject({ code });
  const { message } = error as Error;
  expectLawful(message);
  for (const part of says) expect(message).toContain(part);
}

/** Check the law of messages. */
export function expectLawful(message: string): void {
  expect(message).toMatch(/^Cannot [a-z]+ .+?: .*[^.\s]$/s);
}
