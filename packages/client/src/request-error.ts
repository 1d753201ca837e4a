import { PeerError, type ErrorDetails } from "@socketserver/core";

/**
 * A request was not answered: no reply came in time, or the connection was lost first.
 *
 * The `code` is one of `ClientErrorCode` or of core's `ErrorCode`, or that of the system error that broke the connection, which is the `cause` then.
 */
export class RequestError extends PeerError {
  /** Whether any of it may have reached the other side. If not, nothing has come of it, and it can be made again without a second thought. */
  readonly sent: boolean;

  constructor(code: string, message: string, details: ErrorDetails & { readonly sent: boolean }) {
    super(code, message, details);
    this.sent = details.sent;
  }
}
