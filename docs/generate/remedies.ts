/**
 * What to do about each error, for those where that is not plain from what it means.
 *
 * Here and not in the sources: an editor shows what a code means, and every byte there is in what people install.
 *
 * @module
 */
import type { ClientErrorCode } from "../../packages/client/src/client-error-code.ts";
import type { ErrorCode } from "../../packages/core/src/errors.ts";

/** By the code. */
export const REMEDIES: Readonly<Partial<Record<ErrorCode | ClientErrorCode, string>>> = {
  ERR_SOCKETSERVER_INVALID_OPTION: "The message names the option, the value and what is allowed.",
  ERR_SOCKETSERVER_INVALID_ADDRESS: "The message shows the value and what is expected.",
  ERR_SOCKETSERVER_INVALID_HANDLER: "The message says what to write instead.",
  ERR_SOCKETSERVER_MIXIN_CONFLICT: "Compose one of the two.",
  ERR_SOCKETSERVER_SERVER_CLOSED: "Make a new one: a closed server does not open again.",
  ERR_SOCKETSERVER_ALREADY_SERVING: "Wait for the promise of the first call.",
  ERR_SOCKETSERVER_HOOK_TIMEOUT:
    "It reaches `requestError`, and its request is closed. Bound what the hook waits for, or raise that option.",
  ERR_SOCKETSERVER_CONNECTION_CLOSED: "Nothing more can be read or written.",
  ERR_SOCKETSERVER_WRITE_AFTER_END: "End it after the last write.",
  ERR_SOCKETSERVER_CONCURRENT_READ: "Wait for the first: which of them should get what comes?",
  ERR_SOCKETSERVER_INCOMPLETE_READ:
    "`partial` holds what came; if that is empty, the peer ended between two messages, and nothing is wrong.",
  ERR_SOCKETSERVER_TOO_BIG: "Raise the limit of that read or codec if such a peer is right.",
  ERR_SOCKETSERVER_PROTOCOL: "Answer it in `handleProtocolError()`, or let the connection end.",
  ERR_SOCKETSERVER_INVALID_MESSAGE: "Nothing of it was sent.",
  ERR_SOCKETSERVER_IDLE_TIMEOUT: "The read can be tried again: the connection is still open.",
  ERR_SOCKETSERVER_DEADLINE: "The handler learns it by `signal` and by its next read or write.",
  ERR_SOCKETSERVER_MAX_AGE: "A handler that watches `drainSignal` ends in time.",
  ERR_SOCKETSERVER_DRAINED: "A handler that watches `drainSignal` ends in time; or raise `graceMs`.",
  ERR_SOCKETSERVER_CLASS_NOT_FOUND:
    "Export it from the program's main module, or give it `static readonly module = import.meta.url`.",
  ERR_SOCKETSERVER_CLASS_AMBIGUOUS: "Rename one of them.",
  ERR_SOCKETSERVER_REPLICA_FAILED:
    "Let it take these and pass them to `super`; what else it needs is an option, or set up in `workerSetup()`.",
  ERR_SOCKETSERVER_NO_MAIN_GUARD: "Write `if (import.meta.main) { ... }` around the lines that start it.",
  ERR_SOCKETSERVER_OPTION_NOT_CLONEABLE: "Make it in `workerSetup()`, or leave it out of the options.",
  ERR_SOCKETSERVER_ENTRY_MISSING: "Leave `@socketserver/core` out of the bundle (`external`).",
  ERR_SOCKETSERVER_WORKER_LOST:
    "It is replaced, and its connections are closed as `worker-lost`; it reaches `requestError` and `workerExit`.",
  ERR_SOCKETSERVER_WORKER_BLOCKED: "Let the handler compute in pieces, or raise that option.",
  ERR_SOCKETSERVER_WORKERS_FAILED:
    "The server closes, and `serveForever()` rejects: whoever supervises the program can start it anew. The `cause` is why the last one did not start.",
  ERR_SOCKETSERVER_CONNECT_TIMEOUT: "`attempts` of the error tells what was tried.",
  ERR_SOCKETSERVER_REQUEST_TIMEOUT: "`sent` tells whether the server may have got it.",
  ERR_SOCKETSERVER_QUEUE_FULL: "Wait for some of them.",
  ERR_SOCKETSERVER_OUT_OF_STEP: "Receive what the server sends by itself, or use a protocol with ids (`correlateBy`).",
  ERR_SOCKETSERVER_RECONNECT_FAILED: "The channel is closed; the `cause` is why the last attempt failed.",
};
