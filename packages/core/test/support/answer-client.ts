import type { Address, Connection } from "@socketserver/core";
import { dial } from "@socketserver/testing";
import { setTimeout as delay } from "node:timers/promises";

import { ANSWER_MASK } from "../fixtures/answering-handler.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** A message for an `AnsweringHandler`. */
export interface Message {
  /** Bytes of its body. */
  readonly length: number;
  /** How often the answer repeats them. @defaultValue 1 */
  readonly times?: number;
  /** How long the handler takes. @defaultValue 0 */
  readonly ms?: number;
  /** @defaultValue "next" */
  readonly ending?: "next" | "bye" | "stick";
}

/** How it reads. */
export interface Pace {
  /** How long it rests after each read, in milliseconds. */
  readonly restMs: number;
}

/** Sends messages, and compares every byte that comes with what should. */
export class AnswerClient {
  readonly connection: Connection;
  /** Bytes that were sent. */
  sent = 0;
  /** Bytes that were received. */
  received = 0;
  /** Bytes of all answers to messages that were sent to their end. */
  expected = 0;
  /** What is wrong with what came. */
  complaint: string | undefined;
  /** How it ended: `end`, or the code of an error. */
  outcome: string | undefined;
  readonly #random: SeededRandom;
  /** The answers that are to come, and how many bytes each has. */
  readonly #answers: { readonly body: Buffer; readonly length: number }[] = [];
  /** How much of the first of those has come. */
  #answered = 0;
  #rest: { readonly bytes: Buffer; readonly answer: Buffer; readonly length: number } | undefined;

  constructor(connection: Connection, random: SeededRandom) {
    this.connection = connection;
    this.#random = random;
  }

  static async dial(address: Address, random: SeededRandom): Promise<AnswerClient> {
    return new AnswerClient(await dial(address), random);
  }

  /** Send a message. */
  async send(message: Message): Promise<void> {
    await this.sendPart(message, Infinity);
  }

  /** Send as many bytes of it, and the rest with {@link AnswerClient.sendRest}. */
  async sendPart({ length, times = 1, ms = 0, ending = "next" }: Message, count: number): Promise<void> {
    const body = Buffer.from(Array.from({ length }, () => this.#random.integer(0, 255)));
    const bytes = Buffer.concat([Buffer.from(`${length} ${times} ${ms} ${ending}\n`), body]);
    const answer = Buffer.from(body.map((byte) => byte ^ ANSWER_MASK));
    this.#rest = { bytes: bytes.subarray(count), answer, length: length * times };
    if (count >= bytes.length) this.#complete(answer, length * times);
    await this.#send(bytes.subarray(0, count));
  }

  async sendRest(): Promise<void> {
    if (this.#rest === undefined) return;
    const { bytes, answer, length } = this.#rest;
    this.#complete(answer, length);
    await this.#send(bytes);
  }

  /** Wait until every answer has come. */
  async readAnswers(): Promise<void> {
    while (this.received < this.expected) this.#compare(await this.connection.recv());
  }

  /** Wait for some bytes. */
  async readSome(): Promise<void> {
    this.#compare(await this.connection.recv(1_024));
  }

  /** Read to the end. Never rejects. */
  async readToEnd({ restMs }: Pace = { restMs: 0 }): Promise<void> {
    try {
      for await (const chunk of this.connection) {
        this.#compare(chunk);
        if (restMs > 0) await delay(restMs);
      }
      this.outcome = "end";
    } catch (error) {
      this.outcome = (error as { readonly code: string }).code;
    }
  }

  #complete(body: Buffer, length: number): void {
    this.#answers.push({ body, length });
    this.expected += length;
  }

  async #send(bytes: Buffer): Promise<void> {
    this.sent += bytes.length;
    await this.connection.sendAll(bytes);
  }

  #compare(chunk: Buffer): void {
    for (let offset = 0; offset < chunk.length;) {
      const [answer] = this.#answers;
      if (answer === undefined) return void (this.complaint ??= `${chunk.length - offset} bytes too many`);
      const { body, length } = answer;
      const start = this.#answered % body.length;
      const piece = chunk.subarray(offset, offset + Math.min(body.length - start, length - this.#answered));
      if (!piece.equals(body.subarray(start, start + piece.length))) this.complaint ??= `wrong after ${this.received}`;
      offset += piece.length;
      this.received += piece.length;
      this.#answered += piece.length;
      if (this.#answered < length) continue;
      this.#answers.shift();
      this.#answered = 0;
    }
  }
}
