import type { Script } from "./scripted-server.ts";

/** A script for each client, in the order in which they come; the last one is for all who come later. */
export function inTurn(...scripts: readonly Script[]): Script {
  let next = 0;
  return (guest) => scripts[Math.min(next++, scripts.length - 1)]?.(guest);
}
