import { pbkdf2 } from "node:crypto";
import { promisify } from "node:util";

/** Threads of the pool, where names are looked up; the environment of a test may have set more. */
const THREADS = Number(process.env["UV_THREADPOOL_SIZE"] ?? 4);
const ROUNDS = 400_000;

/** Keep every thread of the pool busy for some tenths of a second: until this resolves, no name is looked up. */
export async function blockThreadPool(): Promise<void> {
  const work = Array.from({ length: THREADS }, () => promisify(pbkdf2)("password", "salt", ROUNDS, 64, "sha512"));
  await Promise.all(work);
}
