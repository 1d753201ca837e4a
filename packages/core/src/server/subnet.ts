import type { Address } from "../address.ts";
import { ipv6Groups } from "../ipv6-groups.ts";

const BITS_PER_OCTET = 8;
const BITS_PER_GROUP = 16;

/** How many bits of an address name its subnet. */
export interface SubnetPrefixes {
  readonly ipv4SubnetPrefix: number;
  readonly ipv6SubnetPrefix: number;
}

/** The subnet of a client, as a key: the same for all of its addresses, another one for every other. */
export function subnetOf(address: Address, { ipv4SubnetPrefix, ipv6SubnetPrefix }: SubnetPrefixes): string {
  if ("path" in address) return address.path;
  const { host } = address;
  if (!host.includes(":")) return `4:${masked(host.split(".").map(Number), ipv4SubnetPrefix, BITS_PER_OCTET)}`;
  return `6:${masked(ipv6Groups(host), ipv6SubnetPrefix, BITS_PER_GROUP)}`;
}

/** The leading bits of a number that is written in parts. */
function masked(parts: readonly number[], prefix: number, bitsPerPart: number): string {
  return parts
    .slice(0, Math.ceil(prefix / bitsPerPart))
    .map((part, index) => {
      const unwanted = Math.max((index + 1) * bitsPerPart - prefix, 0);
      return (part >>> unwanted) << unwanted;
    })
    .join(".");
}
