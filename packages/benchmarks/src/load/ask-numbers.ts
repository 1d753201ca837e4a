import { connect } from "node:net";
import { text } from "node:stream/consumers";

import { bounded } from "./bounded.ts";

/**
 * Connect, and read the number that the contestant says, so many times, one after the other.
 *
 * @throws Error if it says none.
 */
export async function askNumbers(port: number, times: number): Promise<readonly number[]> {
  const numbers: number[] = [];
  for (let time = 0; time < times; time++) {
    const answer = await bounded(text(connect({ host: "127.0.0.1", port })), "a question about a number");
    const number = Number(answer);
    if (answer === "" || Number.isNaN(number)) {
      throw new Error(`Cannot go on: the answer must be a number, received ${JSON.stringify(answer)}`);
    }
    numbers.push(number);
  }
  return numbers;
}
