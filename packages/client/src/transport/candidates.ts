import type { Address, InternetAddress } from "@socketserver/core";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

import type { FailedAttempt } from "../connect-error.ts";

/**
 * The addresses to try, one after the other. A name is looked up when its turn comes, so that a slow name server holds up none of those before it.
 *
 * @param failed - Called with a name that stands for no address.
 */
export async function* candidates(
  targets: readonly Address[],
  failed: (attempt: FailedAttempt) => void,
): AsyncGenerator<Address, void, void> {
  for (const target of targets) {
    if ("path" in target || isIP(target.host) !== 0) {
      yield target;
      continue;
    }
    try {
      yield* inTurns(await addressesOf(target));
    } catch (error) {
      failed({ address: target, error: error as FailedAttempt["error"] });
    }
  }
}

/** In the order of the system, which knows what each address is worth here (RFC 6724). */
async function addressesOf({ host, port }: InternetAddress): Promise<InternetAddress[]> {
  const found = await lookup(host, { all: true, order: "verbatim" });
  return found.map(({ address }) => ({ host: address, port }));
}

/**
 * The same addresses, with the families in turns: so one family that does not work here costs one head start, and not one for each of its addresses.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc8305#section-4 | RFC 8305, section 4}
 */
export function inTurns(addresses: readonly InternetAddress[]): InternetAddress[] {
  const [first] = addresses;
  if (first === undefined) return [];
  const isFirst = ({ host }: InternetAddress): boolean => isIP(host) === isIP(first.host);
  const ones = addresses.filter(isFirst);
  const others = addresses.filter((address) => !isFirst(address));
  const longer = Math.max(ones.length, others.length);
  return Array.from({ length: longer }, (_, index) => [ones[index], others[index]])
    .flat()
    .filter((address) => address !== undefined);
}
