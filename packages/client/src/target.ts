import {
  ErrorCode,
  resolveInternetAddress,
  resolveUnixAddress,
  typeError,
  type Address,
  type InternetAddressInput,
  type UnixAddress,
} from "@socketserver/core";

/**
 * Where to connect to: a host and a port, or a path. `host` is `127.0.0.1` unless set; a name may stand for several addresses.
 */
export type Target = InternetAddressInput | UnixAddress;

const PROBLEM = "Cannot connect";

/**
 * Check and complete where to connect to.
 *
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_ADDRESS` that shows the value.
 */
export function resolveTargets(target: Target | readonly Target[]): readonly Address[] {
  if (!Array.isArray(target)) return [resolveTarget(target)];
  if (target.length > 0) return target.map(resolveTarget);
  throw typeError(ErrorCode.invalidAddress, `${PROBLEM}: the list of addresses must not be empty, received []`);
}

function resolveTarget(target: unknown): Address {
  const isPath = typeof target === "object" && target !== null && "path" in target;
  return isPath ? resolveUnixAddress(target, PROBLEM) : resolveInternetAddress(target, PROBLEM, 1);
}
