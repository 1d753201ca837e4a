import { setImmediate as nextTurn } from "node:timers/promises";

/** Wait for more turns of the event loop than a chunk that waits in the kernel needs. */
export async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await nextTurn();
}
