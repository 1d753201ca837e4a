/**
 * The other end of `@socketserver/core`: connect to a server of any kind, talk to it in messages, and come back when it was away.
 *
 * @module
 */

// Connections.
export { connect, type ConnectSettings } from "./transport/connect.ts";
export type { ConnectOptions, SourceAddress } from "./transport/connect-options.ts";
export type { Target } from "./target.ts";

// Errors.
export { ClientErrorCode } from "./client-error-code.ts";
export { ConnectError, type FailedAttempt } from "./connect-error.ts";
export { RequestError } from "./request-error.ts";
