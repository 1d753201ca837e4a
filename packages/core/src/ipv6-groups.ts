/** How many groups an IPv6 address has. */
const GROUPS = 8;

/** An IPv6 address as the numbers of its groups, however it is written. */
export function ipv6Groups(host: string): number[] {
  const [head = "", tail] = host.replace(/%.*/, "").split("::");
  const before = groupsIn(head);
  const after = tail === undefined ? [] : groupsIn(tail);
  return [...before, ...Array<number>(Math.max(GROUPS - before.length - after.length, 0)).fill(0), ...after];
}

/** Of two groups, an IPv4 address may stand at the end. */
function groupsIn(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (!group.includes(".")) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}
