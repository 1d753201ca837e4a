import type { Script } from "./scripted-server.ts";

/** Keep each line, and answer it. */
export function keepingScript(heard: string[]): Script {
  return async (guest) => {
    for await (const line of guest) {
      heard.push(line);
      guest.say(`re ${line}\n`);
    }
  };
}
