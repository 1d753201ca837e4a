// Servers.
export { TCPServer } from "./server/tcp-server.ts";
export { UDPServer } from "./server/udp-server.ts";
export { UnixStreamServer } from "./server/unix-stream-server.ts";
export {
  AsyncTCPServer,
  AsyncUDPServer,
  AsyncUnixStreamServer,
  ForkingTCPServer,
  ForkingUDPServer,
  ForkingUnixStreamServer,
  ThreadingTCPServer,
  ThreadingUDPServer,
  ThreadingUnixStreamServer,
} from "./servers.ts";
export { BaseServer, type CloseOptions, type ConstructorArguments, type ServeOptions } from "./server/base-server.ts";
export { ServerState } from "./server/life-cycle.ts";
export type { CutRequest, DrainReport } from "./server/drain-report.ts";
export type { AdmissionOptions, ResolvedAdmissionOptions } from "./server/admission-options.ts";
export type { ServerStatistics } from "./server/statistics.ts";
export type { ResolvedServerOptions, ServerOptions } from "./options.ts";

// Mixins.
export { AsyncMixIn, type AsyncMembers, type AsyncOptions } from "./mixin/async-mixin.ts";
export { ForkingMixIn, type ForkingMembers, type ForkingOptions } from "./mixin/forking-mixin.ts";
export { ThreadingMixIn, type ThreadingMembers, type ThreadingOptions } from "./mixin/threading-mixin.ts";
export type { WorkerMembers } from "./mixin/worker-members.ts";
export type { ResolvedPoolOptions, WorkerPoolOptions } from "./worker/pool-options.ts";
export { HandOver } from "./worker/hand-over.ts";
export { WorkerState, type WorkerView } from "./worker/worker-view.ts";

// Handlers.
export { BaseRequestHandler, type HandlerClass, type HandlerInstance } from "./handler/base-request-handler.ts";
export { StreamRequestHandler } from "./handler/stream-request-handler.ts";
export { DatagramRequestHandler } from "./handler/datagram-request-handler.ts";
export { StreamReader } from "./handler/stream-reader.ts";
export { StreamWriter, type WriteSink } from "./handler/stream-writer.ts";
export { runHandler } from "./handler/run-handler.ts";

// Requests.
export { Connection } from "./transport/connection.ts";
export type { ConnectionOptions } from "./transport/connection-options.ts";
export { Datagram } from "./transport/datagram.ts";
export type { DatagramSocket } from "./transport/datagram-socket.ts";
export { DatagramPort, type DatagramPortOptions } from "./transport/datagram-port.ts";
export type { ByteFlow, ByteSource } from "./transport/byte-flow.ts";
export type { BufferAccount, BufferBudget, BufferHolder } from "./transport/buffer-budget.ts";
export type { Failure } from "./transport/failure.ts";
export type { Inbound } from "./transport/inbound.ts";
export type { ServerRequest } from "./transport/server-request.ts";

// Addresses, events, reasons, errors.
export {
  formatAddress,
  type Address,
  type InternetAddress,
  type InternetAddressInput,
  type UnixAddress,
} from "./address.ts";
export {
  DropReason,
  type ClosedRequestInfo,
  type DropInfo,
  type RequestInfo,
  type ServerEvents,
  type WorkerExitInfo,
  type WorkerInfo,
} from "./events.ts";
export { CloseReason } from "./close-reason.ts";
export { ErrorCode, PeerError, SocketServerError, isDisconnect, type ErrorDetails } from "./errors.ts";

// For authors of servers, mixins, codecs and clients.
export {
  serverExtension,
  type AddressOf,
  type HandlerOf,
  type Mixed,
  type OptionsOf,
  type OptionsTail,
  type ServerConstructor,
  type ServerExtension,
  type Statics,
} from "./mixin.ts";
export {
  flag,
  integer,
  milliseconds,
  oneOf,
  optional,
  resolveOptions,
  type NumberRule,
  type OptionRule,
  type OptionRules,
} from "./option-rules.ts";
export type { Accepted, RequestSource, SourceOwner } from "./transport/request-source.ts";
export { ByteQueue } from "./transport/byte-queue.ts";
export { rangeError, show, typeError } from "./errors.ts";
export { resolveInternetAddress, resolveUnixAddress } from "./address.ts";
export { GuardedEmitter } from "./server/guarded-emitter.ts";
export { AcceptQueue } from "./transport/accept-queue.ts";
export type { CallerId } from "./server/listener-side.ts";
export type { MovedRequest } from "./server/moved-request.ts";
export type { RequestControl, RequestTraffic } from "./server/request-control.ts";
