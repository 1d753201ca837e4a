import { CloseReason } from "../../packages/core/src/close-reason.ts";
import { closeReasonOf, PeerError } from "../../packages/core/src/errors.ts";
import { cutError } from "../../packages/core/src/transport/cut-error.ts";
import { exportsOf, type SourceFile } from "./source-file.ts";
import { readTable, type Entry } from "./table.ts";
import { readThrows, type Throws } from "./throws.ts";
import { readUses } from "./uses.ts";

/** One code, and all that the sources say of it. */
export interface ErrorCodeFacts extends Entry {
  /** The classes of the errors that carry it, by name. */
  readonly classes: readonly string[];
  /** Whether anything is made with it. */
  readonly used: boolean;
  /** What says that it throws it, if that is in the reference. */
  readonly thrownBy: readonly Throws[];
  /** The reason with which a request ends whose handler lets it pass, if there is a particular one. */
  readonly closeReason: string | undefined;
}

/** The tables of codes. */
const TABLES = ["ErrorCode", "ClientErrorCode"];

/** Reads what the sources say of each code, and each `@throws` beside. */
export function readErrorCodes(sources: readonly SourceFile[]): { codes: ErrorCodeFacts[]; throws: Throws[] } {
  const throws = readThrows(sources, exportsOf(sources));
  const uses = readUses(sources, TABLES);
  const codes = TABLES.flatMap((table) => readTable(sources, table)).map((entry) => {
    const made = uses.filter(({ name }) => name === `${entry.table}.${entry.key}`);
    const named = throws.flatMap(({ codes: each }) => each.get(entry.value) ?? []);
    const classes = [...made.flatMap(({ madeClass }) => madeClass ?? []), ...named, ...classesOfCut(entry.value)];
    return {
      ...entry,
      classes: [...new Set(classes)].toSorted(),
      used: made.length > 0,
      thrownBy: throws.filter(({ codes: each, link }) => link !== undefined && each.has(entry.value)),
      closeReason: particularReason(entry.value),
    };
  });
  return { codes, throws };
}

/** The classes of the errors with which a cut request rejects: they depend on the reason. */
function classesOfCut(code: string): string[] {
  return Object.values(CloseReason)
    .map((reason) => cutError(reason))
    .flatMap((error) => (error.code === code ? error.name : []));
}

function particularReason(code: string): string | undefined {
  const reason = closeReasonOf(new PeerError(code, ""));
  if (code === "ERR_SOCKETSERVER_INCOMPLETE_READ")
    return `\`${CloseReason.protocol}\`, or \`${CloseReason.peerEnd}\` if nothing of a message had come`;
  return reason === CloseReason.peerReset ? undefined : `\`${reason}\``;
}
