/**
 * What the calculator and its clients share: which messages go up, and which come down. JSON (RFC 8259), one message a line, and schemas that check what comes.
 *
 * @module
 */
import { lines, protocol } from "@socketserver/framing";
import { z } from "zod";

const Calculation = z.object({ left: z.number(), operator: z.enum(["+", "-", "*", "/"]), right: z.number() });
const Answer = z.union([z.object({ result: z.number() }), z.object({ error: z.string() })]);

/** What is to be calculated. */
export type Calculation = z.output<typeof Calculation>;

/** What comes of it. */
export type Answer = z.output<typeof Answer>;

/** The codecs of both ends, with their types. */
export const calculator = protocol({
  requests: lines({ maxLength: 1024 }).json(Calculation),
  replies: lines().json(Answer),
});
