/**
 * An address of the loopback interface for client number `index`, up to 16 million of them. No two clients of a test have the same one, so that the
 * server's events tell which client they are about, and ports last.
 */
export function countedHost(index: number): string {
  return `127.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
}
