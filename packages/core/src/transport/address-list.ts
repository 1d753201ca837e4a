import { BlockList, isIP } from "node:net";

import type { Address } from "../address.ts";
import { ErrorCode, rangeError, show, typeError } from "../errors.ts";
import type { OptionRule } from "../option-rules.ts";

type Family = "ipv4" | "ipv6";

const BITS: Readonly<Record<Family, number>> = { ipv4: 32, ipv6: 128 };

/** Bits in front of an IPv4 address that is written as one of IPv6. */
const MAPPED_PREFIX = 96;

/** An entry of an address list, taken apart. */
interface Subnet {
  readonly address: string;
  readonly prefix: number;
  readonly family: Family;
}

/** The rule of an option that lists addresses and subnets; empty unless given. */
export const addressList: OptionRule<readonly string[]> = {
  defaultValue: Object.freeze([]) as readonly string[],
  check(name, value, owner = "server") {
    if (!Array.isArray(value)) {
      throw typeError(
        ErrorCode.invalidOption,
        `Cannot create ${owner}: ${name} must be a list of addresses, received ${show(value)}`,
      );
    }
    for (const entry of value as unknown[]) {
      if (subnetIn(entry) !== undefined) continue;
      throw rangeError(
        ErrorCode.invalidOption,
        `Cannot create ${owner}: ${name} must hold addresses such as 192.0.2.1 and subnets such as 10.0.0.0/8 or 2001:db8::/32, received ${show(entry)}`,
      );
    }
  },
};

/** Addresses and subnets, to look clients up in. */
export class AddressList {
  readonly #list = new BlockList();
  /** Subnets of IPv6 that hold all IPv4 addresses, or none: only IPv6 clients are meant by them. */
  readonly #wide = new BlockList();
  #isEmpty = true;

  /** @param entries - What {@link addressList} allows. */
  constructor(entries: readonly string[]) {
    this.add(entries);
  }

  /** Add more of them. */
  add(entries: readonly string[]): void {
    for (const entry of entries) {
      const subnet = subnetIn(entry);
      if (subnet === undefined) continue;
      const isWide = subnet.family === "ipv6" && subnet.prefix < MAPPED_PREFIX;
      (isWide ? this.#wide : this.#list).addSubnet(subnet.address, subnet.prefix, subnet.family);
      this.#isEmpty = false;
    }
  }

  /** Whether an address is on the list; one of a Unix socket never is. */
  has(address: Address): boolean {
    // Looking an address up costs some microseconds for each connection.
    if (this.#isEmpty || "path" in address) return false;
    // A link-local address may name its interface.
    const host = address.host.replace(/%.*/, "");
    const family = familyOf(host);
    if (family === undefined) return false;
    return this.#list.check(host, family) || (family === "ipv6" && this.#wide.check(host, family));
  }
}

function subnetIn(entry: unknown): Subnet | undefined {
  if (typeof entry !== "string") return undefined;
  const [address = "", bits, ...rest] = entry.split("/");
  const family = familyOf(address);
  if (family === undefined || rest.length > 0) return undefined;
  if (bits === undefined) return { address, prefix: BITS[family], family };
  const prefix = /^\d{1,3}$/.test(bits) ? Number(bits) : Infinity;
  return prefix <= BITS[family] ? { address, prefix, family } : undefined;
}

function familyOf(host: string): Family | undefined {
  const version = isIP(host);
  if (version === 0) return undefined;
  return version === 4 ? "ipv4" : "ipv6";
}
