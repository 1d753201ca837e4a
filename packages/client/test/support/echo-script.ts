import type { Script } from "./scripted-server.ts";

/** Answer each line with a word and itself. */
export function echoScript(word = "echo"): Script {
  return async (guest) => {
    for await (const line of guest) guest.say(`${word} ${line}\n`);
  };
}
