import type { Script } from "./scripted-server.ts";

/** Hear so many lines, and leave without an answer. */
export function hearAndLeave(count: number, leave: "end" | "reset", heard: string[] = []): Script {
  return async (guest) => {
    heard.push(...(await guest.lines(count)));
    guest[leave]();
  };
}
