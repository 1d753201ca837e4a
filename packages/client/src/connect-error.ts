import { SocketServerError, type Address, type ErrorDetails } from "@socketserver/core";

/** One address that was tried, and why there is no connection to it. */
export interface FailedAttempt {
  /** The address as it was tried: of a host name, each IP address that it stands for. A name that stands for none is here itself. */
  readonly address: Address;
  /** The system's error, such as `ECONNREFUSED` or `ENOTFOUND`; of an attempt that was still under way at the end, `ERR_SOCKETSERVER_CONNECT_TIMEOUT`. */
  readonly error: Error & { readonly code: string };
}

/**
 * No connection came about. The message tells every address that was tried, and why it failed.
 *
 * The `code` is that of the last attempt that failed, or `ERR_SOCKETSERVER_CONNECT_TIMEOUT`.
 */
export class ConnectError extends SocketServerError {
  /** Every address that was tried, in that order. */
  readonly attempts: readonly FailedAttempt[];

  constructor(code: string, message: string, details: ErrorDetails & { readonly attempts: readonly FailedAttempt[] }) {
    super(code, message, details);
    this.attempts = details.attempts;
  }
}
