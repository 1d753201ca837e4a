import { lines, type Codec } from "@socketserver/framing";

/** The messages of tests in which ids tell replies apart. */
export interface Note {
  /** Without one it answers nothing. */
  readonly id?: string | number;
  readonly text?: string;
}

/** Notes as lines of JSON. */
export const NOTES = lines().json() as Codec<Note>;

/** A note as a scripted server reads it. */
export function parseNote(line: string): Required<Note> {
  return JSON.parse(line) as Required<Note>;
}

/** A note as a scripted server says it. */
export function noteLine(note: Note): string {
  return `${JSON.stringify(note)}\n`;
}
