import { setImmediate as nextTurn } from "node:timers/promises";

/** Whether a promise is settled after a turn of the event loop. */
export async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(
    () => (done = true),
    () => (done = true),
  );
  await nextTurn();
  return done;
}
