/** A character has at most 4 bytes. */
const MAX_UNFINISHED = 3;

/** How many of the last bytes from `start` to `end` begin a UTF-8 character that needs more, RFC 3629. */
export function unfinishedCharacter(bytes: Uint8Array, start: number, end: number): number {
  for (let count = 1; count <= Math.min(end - start, MAX_UNFINISHED); count++) {
    const byte = bytes[end - count] as number;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return count < bytesOfCharacter(byte) ? count : 0;
  }
  return 0;
}

function bytesOfCharacter(first: number): number {
  if (first >= 0xf0) return 4;
  return first >= 0xe0 ? 3 : 2;
}
