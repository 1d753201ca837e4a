/**
 * What MessagePack from a stranger may be, checked before it is decoded.
 *
 * The library that decodes knows more than the specification: its own extensions carry class definitions, sets, references. A peer must not reach these. So
 * here one value is walked through, byte by byte, without making anything: every length is inside of the bytes, strings are UTF-8, keys can be keys
 * of an object, nesting is bounded, nothing follows, and the only extension is the timestamp, which belongs to the specification.
 *
 * @see {@link https://github.com/msgpack/msgpack/blob/master/spec.md | MessagePack}
 * @module
 */
import { isUtf8 } from "node:buffer";

/** Arrays and maps inside of each other; what people send has few, and each costs the decoder a call. */
const MAX_DEPTH = 512;

/** The library that decodes would change it, so that it does no harm. */
const FORBIDDEN_KEY = "__proto__";

const TIMESTAMP = 0xff;

/** Data bytes of a timestamp of 32, 64 and 96 bits. */
const TIMESTAMP_SIZES: readonly number[] = [4, 8, 12];

const NANOSECONDS = 1_000_000_000;

/** The furthest that a Date can be from 1970, in seconds. */
const MAX_SECONDS = 8_640_000_000_000n;

/** What a first byte from 0xc0 to 0xdf stands for, and the bytes after it that say the size or are the value. */
const KINDS = [
  ["nil", 0],
  ["unused", 0],
  ["boolean", 0],
  ["boolean", 0],
  ["binary", 1],
  ["binary", 2],
  ["binary", 4],
  ["extension", 1],
  ["extension", 2],
  ["extension", 4],
  ["float", 4],
  ["float", 8],
  ["integer", 1],
  ["integer", 2],
  ["integer", 4],
  ["integer", 8],
  ["integer", 1],
  ["integer", 2],
  ["integer", 4],
  ["integer", 8],
  ["fixed extension", 1],
  ["fixed extension", 2],
  ["fixed extension", 4],
  ["fixed extension", 8],
  ["fixed extension", 16],
  ["string", 1],
  ["string", 2],
  ["string", 4],
  ["array", 2],
  ["array", 4],
  ["map", 2],
  ["map", 4],
] as const;

type Kind = (typeof KINDS)[number][0];

/** What stands at a place: its kind, how many values or bytes belong to it, and where these begin. */
interface Item {
  readonly kind: Kind;
  readonly size: number;
  readonly start: number;
}

/** What is wrong with the bytes of one value, or undefined if nothing is. */
export function messagePackFault(bytes: Buffer): string | undefined {
  /** Of each array and map that is open: the values that are still to come, and whether every second one is a key. */
  const open: { left: number; readonly map: boolean }[] = [];
  let at = 0;
  do {
    const top = open.at(-1);
    const isKey = top?.map === true && top.left % 2 === 0;
    const item = itemAt(bytes, at);
    if (item === undefined) return "it ends in the middle of a value";
    const fault = faultOf(bytes, item, isKey);
    if (fault !== undefined) return fault;
    if (top !== undefined) top.left -= 1;
    if (item.kind === "array" || item.kind === "map") {
      const left = item.kind === "map" ? item.size * 2 : item.size;
      // Each value has a byte at least.
      if (left > bytes.length - item.start) return "it ends in the middle of a value";
      if (open.length === MAX_DEPTH) return `it is nested more than ${MAX_DEPTH} deep`;
      open.push({ left, map: item.kind === "map" });
      at = item.start;
    } else {
      at = item.start + item.size;
      if (at > bytes.length) return "it ends in the middle of a value";
    }
    while (open.at(-1)?.left === 0) open.pop();
  } while (open.length > 0);
  return at < bytes.length ? "something follows the value" : undefined;
}

function faultOf(bytes: Buffer, { kind, size, start }: Item, isKey: boolean): string | undefined {
  if (isKey && kind !== "string" && kind !== "integer") return "a key is neither a string nor an integer";
  if (isKey && bytes.toString("latin1", start, start + size) === FORBIDDEN_KEY) return "a key is __proto__";
  if (kind === "unused") return "it has a byte that MessagePack does not use";
  if (kind === "string" && !isUtf8(bytes.subarray(start, start + size))) return "a string is no UTF-8";
  if (kind !== "extension" || start + size > bytes.length) return undefined;
  if (bytes[start] !== TIMESTAMP || !TIMESTAMP_SIZES.includes(size - 1))
    return "it has an extension other than the timestamp";
  return isTime(bytes.subarray(start + 1, start + size)) ? undefined : "a timestamp is no time";
}

/** Whether the data of a timestamp, of 32, 64 or 96 bits, is a Date. */
function isTime(data: Buffer): boolean {
  if (data.length === 4) return true;
  // 30 bits of nanoseconds, then 34 of seconds, which are less than a Date can have.
  if (data.length === 8) return data.readUInt32BE() >>> 2 < NANOSECONDS;
  const nanoseconds = data.readUInt32BE();
  const seconds = data.readBigInt64BE(4);
  if (nanoseconds >= NANOSECONDS || seconds < -MAX_SECONDS) return false;
  return seconds < MAX_SECONDS || (seconds === MAX_SECONDS && nanoseconds === 0);
}

/** What stands at `at`, or undefined if its first bytes have not all come. The bytes of an extension begin with its type. */
function itemAt(bytes: Buffer, at: number): Item | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  const start = at + 1;
  if (first <= 0x7f || first >= 0xe0) return { kind: "integer", size: 0, start };
  if (first <= 0x8f) return { kind: "map", size: first & 0x0f, start };
  if (first <= 0x9f) return { kind: "array", size: first & 0x0f, start };
  if (first <= 0xbf) return { kind: "string", size: first & 0x1f, start };
  const [kind, width] = KINDS[first - 0xc0] as (typeof KINDS)[number];
  if (kind === "integer" || kind === "float") return { kind, size: width, start };
  if (kind === "fixed extension") return { kind: "extension", size: width + 1, start };
  if (width === 0) return { kind, size: 0, start };
  if (start + width > bytes.length) return undefined;
  const size = bytes.readUIntBE(start, width);
  return { kind, size: kind === "extension" ? size + 1 : size, start: start + width };
}
