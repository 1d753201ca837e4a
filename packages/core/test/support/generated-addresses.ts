import fc from "fast-check";

/** The families of addresses, and how many bits each has. */
export const FAMILIES = { ipv4: 32, ipv6: 128 } as const;

/** The name of a family. */
export type Family = keyof typeof FAMILIES;

/** Two addresses of a family: of their bits, exactly the first `common` agree. */
export interface GeneratedPair {
  readonly family: Family;
  readonly one: string;
  readonly other: string;
  readonly common: number;
}

const GROUPS = 8;
const BITS_PER_GROUP = 16n;

/** Two addresses that agree for a while, each written in one of the ways there are. */
export function addressPair(family: Family): fc.Arbitrary<GeneratedPair> {
  const bits = FAMILIES[family];
  const write = family === "ipv4" ? fc.constant(ipv4Text) : fc.constantFrom(...IPV6_TEXTS);
  const word = fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n });
  // Real addresses have runs of zeros, random ones hardly ever.
  const value = fc.oneof(
    word,
    fc.tuple(word, word).map(([one, other]) => one & other & (other >> 1n)),
  );
  return fc
    .record({ value, below: word, common: fc.integer({ min: 0, max: bits }), write, writeOther: write })
    .map((drawn) => {
      const { common } = drawn;
      const differing = common === bits ? 0n : 1n << BigInt(bits - 1 - common);
      const other = drawn.value ^ differing ^ (differing === 0n ? 0n : drawn.below & (differing - 1n));
      return { family, one: drawn.write(drawn.value), other: drawn.writeOther(other), common };
    });
}

function ipv4Text(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join(".");
}

function groupsOf(value: bigint): string[] {
  return Array.from({ length: GROUPS }, (_, index) =>
    ((value >> (BITS_PER_GROUP * BigInt(GROUPS - 1 - index))) & 0xffffn).toString(16),
  );
}

/** Leave the first run of zeros out, if there is one. */
function shortened(groups: readonly string[]): string {
  const start = groups.indexOf("0");
  if (start === -1) return groups.join(":");
  const after = groups.slice(start);
  const length = after.every((group) => group === "0") ? after.length : after.findIndex((group) => group !== "0");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}

const IPV6_TEXTS: readonly ((value: bigint) => string)[] = [
  (value) => shortened(groupsOf(value)),
  (value) => shortened(groupsOf(value)).toUpperCase(),
  (value) =>
    groupsOf(value)
      .map((group) => group.padStart(4, "0"))
      .join(":"),
  (value) => `${groupsOf(value).slice(0, 6).join(":")}:${ipv4Text(value & 0xffffffffn)}`,
];
