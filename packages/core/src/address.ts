/**
 * Addresses: where a server listens and where a peer is.
 *
 * Python's tuples become plain objects, so that they can be printed, compared and sent to a thread.
 *
 * @module
 */

import { ErrorCode, rangeError, show, typeError } from "./errors.ts";

/** An IP address and port. */
export interface InternetAddress {
  /** An IPv4 or IPv6 address; a server also takes a host name. */
  readonly host: string;
  /** 0 to 65 535; 0 lets the system choose when a server listens. */
  readonly port: number;
}

/** A Unix socket. */
export interface UnixAddress {
  /** A path in the file system, an abstract name (Linux) that begins with `"\0"`, or `""` for a client that bound none. */
  readonly path: string;
}

/** Any address. */
export type Address = InternetAddress | UnixAddress;

/** What a TCP or UDP server is given: `host` is `127.0.0.1` unless set; `"::"` listens on IPv6 and IPv4. */
export interface InternetAddressInput {
  readonly host?: string;
  readonly port: number;
}

/** `sun_path` holds 108 bytes on Linux and 104 on macOS, the last one a NUL. */
const MAX_UNIX_PATH = process.platform === "darwin" ? 103 : 107;

/** Write an address as people do: `127.0.0.1:80`, `[::1]:80`, `/run/app.sock`, `@abstract`. */
export function formatAddress(address: Address): string {
  if ("path" in address) {
    if (address.path === "") return "(unnamed)";
    return address.path.startsWith("\0") ? `@${address.path.slice(1)}` : address.path;
  }
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Show an IPv4 address that reached a dual-stack socket as IPv4. */
export function internetAddress(host: string, port: number): InternetAddress {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1];
  return { host: mapped ?? host, port };
}

/**
 * Check and complete the address of a TCP or UDP server, or of one to connect to.
 *
 * @param problem - What cannot be done with a wrong one, for the message.
 * @param minPort - 1 if the system is not to choose the port.
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_ADDRESS` that shows the value.
 */
export function resolveInternetAddress(input: unknown, problem = "Cannot create server", minPort = 0): InternetAddress {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw typeError(
      ErrorCode.invalidAddress,
      `${problem}: address must be an object such as { host: "127.0.0.1", port: 5051 }, received ${show(input)}`,
    );
  }
  const { host = "127.0.0.1", port, ...rest } = input as { host?: unknown; port?: unknown };
  const stray = Object.keys(rest)[0];
  if (stray !== undefined) {
    const remedy = stray === "path" && minPort === 0 ? "; a path needs a Unix server" : "";
    throw typeError(
      ErrorCode.invalidAddress,
      `${problem}: address takes host and port, received the key ${show(stray)}${remedy}`,
    );
  }
  if (typeof host !== "string" || host === "" || host.includes("/")) {
    const remedy = minPort === 0 ? '; "0.0.0.0" or "::" listens on every interface' : "";
    throw typeError(
      ErrorCode.invalidAddress,
      `${problem}: address.host must be a host name or an IP address, received ${show(host)}${remedy}`,
    );
  }
  if (typeof port !== "number") {
    throw typeError(ErrorCode.invalidAddress, `${problem}: address.port must be a number, received ${show(port)}`);
  }
  if (!Number.isInteger(port) || port < minPort || port > 65_535) {
    throw rangeError(
      ErrorCode.invalidAddress,
      `${problem}: address.port must be an integer from ${minPort} to 65535, received ${port}`,
    );
  }
  return Object.freeze({ host, port });
}

/**
 * Check the address of a Unix server, or of one to connect to.
 *
 * @param problem - What cannot be done with a wrong one, for the message.
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_ADDRESS` that shows the value.
 */
export function resolveUnixAddress(input: unknown, problem = "Cannot create server"): UnixAddress {
  const path = typeof input === "object" && input !== null ? (input as { path?: unknown }).path : undefined;
  if (typeof path !== "string" || Object.keys(input as object).length !== 1) {
    throw typeError(
      ErrorCode.invalidAddress,
      `${problem}: address must be an object such as { path: "/run/app.sock" }, received ${show(input)}`,
    );
  }
  const name = path.startsWith("\0") ? path.slice(1) : path;
  if (name === "" || name.includes("\0")) {
    throw rangeError(
      ErrorCode.invalidAddress,
      `${problem}: address.path must be a path, or "\\0" and a name, received ${show(path)}`,
    );
  }
  if (Buffer.byteLength(path) > MAX_UNIX_PATH) {
    throw rangeError(
      ErrorCode.invalidAddress,
      `${problem}: address.path must be at most ${MAX_UNIX_PATH} bytes, received ${Buffer.byteLength(path)}: ${show(path)}`,
    );
  }
  return Object.freeze({ path });
}
