import type { Socket } from "node:net";

import type { Address } from "../address.ts";
import type { CloseReason } from "../close-reason.ts";
import { ErrorCode, SocketServerError } from "../errors.ts";
import { callContext } from "../server/call-context.ts";
import type { ResolvedServerOptions } from "../options.ts";
import type { AdmissionOptions } from "../server/admission-options.ts";
import type { BaseServer, CloseOptions } from "../server/base-server.ts";
import type { DrainReport } from "../server/drain-report.ts";
import type { CallerId, ListenerSide } from "../server/listener-side.ts";
import { becomeReplica, type Replica } from "../server/replica.ts";
import type { RequestTraffic } from "../server/request-control.ts";
import { BufferBudget } from "../transport/buffer-budget.ts";
import { boundsOf, type ConnectionOptions } from "../transport/connection-options.ts";
import { Connection } from "../transport/connection.ts";
import { Datagram } from "../transport/datagram.ts";
import { pauseTimers } from "../transport/loop-timer.ts";
import { unconnectedSocket } from "../transport/unconnected-socket.ts";
import { findClass } from "./class-lookup.ts";
import { errorFromData, errorToData } from "./error-data.ts";
import type { ConnectionMessage, FromWorker, ToWorker, WorkerBoot, WorkerCall } from "./messages.ts";
import { NewsCollector } from "./request-news.ts";
import { Pulse } from "./pulse.ts";
import type { RelayFromWorker } from "./relay-messages.ts";
import { RelayedSocket } from "./relayed-socket.ts";
import { RemoteDatagramSocket } from "./remote-datagram-socket.ts";

/** Bytes that are worth a message: a low mark must not make every byte one. */
const MIN_RELAY_BUFFER = 16_384;

/** `Omit` for each member of a union. */
type DistributiveOmit<Union, Keys extends PropertyKey> = Union extends unknown ? Omit<Union, Keys> : never;

/** What a server class may do in each worker; the mixins declare it. */
interface WorkerHooks {
  workerSetup?(): void | Promise<void>;
  workerTeardown?(): void | Promise<void>;
}

/** The worker's end of the conversation, whatever carries it: holds the replica, and speaks for it to the listener side. */
export class WorkerSide implements ListenerSide {
  readonly #send: (message: FromWorker, moves?: readonly ArrayBuffer[]) => void;
  readonly #takesSockets: boolean;
  /** Whether the end of a handler is told at once, because requests may wait for its place. */
  #prompt = true;
  readonly #news = new NewsCollector((news) => this.#send({ type: "news", news }));
  readonly #calls = new Map<number, PromiseWithResolvers<DrainReport | undefined>>();
  readonly #relayed = new Map<number, RelayedSocket>();
  readonly #datagramSocket: RemoteDatagramSocket;
  #nextCallId = 1;
  /** Of connections or of datagrams: whatever the listener side sends. */
  #replica: Replica<Connection | Datagram> | undefined;
  /** What every connection is made with. */
  #bounds: ConnectionOptions = {};
  #pulse: Pulse | undefined;

  /** @param takesSockets - Whether a socket that comes has left the other side; else a descriptor of it stays there until it is acknowledged. */
  constructor(post: (message: FromWorker, moves?: readonly ArrayBuffer[]) => void, takesSockets: boolean) {
    this.#send = post;
    this.#takesSockets = takesSockets;
    this.#datagramSocket = new RemoteDatagramSocket((sendId, data, address) =>
      this.#post({ type: "send", sendId, data, address }, [data.buffer]),
    );
  }

  /** Let the server tear down what it set up in this worker. Never rejects. */
  async stop(): Promise<void> {
    this.#pulse?.stop();
    try {
      const server = this.#replica?.server as WorkerHooks | undefined;
      await callContext.run({ place: "worker" }, () => server?.workerTeardown?.());
    } catch (error) {
      this.requestError(error, undefined);
    }
    this.flush();
  }

  /** The listener side says something; a socket that moved comes beside its message. */
  receive(message: Exclude<ToWorker, { readonly type: "stop" }>, socket?: Socket): void {
    switch (message.type) {
      case "boot":
        // Not awaited: a worker may be stopped while it starts.
        return void this.#start(message.boot);
      case "listening":
        return this.#replica?.listening(message.address);
      case "heldUp":
        return pauseTimers(message.ms);
      case "leaving":
        return this.#replica?.leaving();
      case "connection":
        return this.#serveConnection(message, socket);
      case "datagram": {
        const { id, clientAddress, draining, remoteAddress, packet } = message;
        const { buffer, byteOffset, byteLength } = packet;
        const bytes = Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
        this.#news.taken(id);
        this.#news.flush();
        return this.#serve(id, new Datagram(bytes, this.#datagramSocket, remoteAddress), clientAddress, draining);
      }
      case "relay":
        return this.#relayed.get(message.id)?.receive(message.part);
      case "sent":
        return this.#datagramSocket.sent(message.sendId, message.error);
      case "ask":
        return this.#post({ type: "asked", id: message.id });
      case "drain":
        return this.#replica?.drain(message.id);
      case "cut":
        return this.#replica?.cut(message.id, message.reason);
      case "answer": {
        const call = this.#calls.get(message.callId);
        this.#calls.delete(message.callId);
        if (message.error === undefined) call?.resolve(message.result);
        else call?.reject(errorFromData(message.error));
      }
    }
  }

  // What the replica says.

  requestError(error: unknown, clientAddress: Address | undefined): void {
    this.#post({ type: "error", error: errorToData(error), clientAddress });
  }

  requestDone(id: number): void {
    this.#news.done(id);
    if (this.#prompt) this.#news.flush();
  }

  requestGone(id: number): void {
    this.#relayed.delete(id);
    this.#news.gone(id);
  }

  requestClosed(id: number, reason: CloseReason, traffic: RequestTraffic): void {
    this.#news.closed(id, reason, traffic);
  }

  requestOverdue(id: number): void {
    this.#news.overdue(id);
  }

  async shutdown(callerId: CallerId): Promise<void> {
    await this.#call({ method: "shutdown" }, callerId);
  }

  async close(options: CloseOptions, callerId: CallerId): Promise<DrainReport> {
    return (await this.#call({ method: "close", options }, callerId)) as DrainReport;
  }

  async changeAdmission(options: AdmissionOptions): Promise<void> {
    await this.#call({ method: "changeAdmission", options }, undefined);
  }

  async deny(...clients: readonly string[]): Promise<void> {
    await this.#call({ method: "deny", clients }, undefined);
  }

  /** Tell all that is still to be told of requests: this worker ends. */
  flush(): void {
    this.#news.flush();
  }

  #post(message: FromWorker, moves?: readonly ArrayBuffer[]): void {
    this.#news.flush();
    this.#send(message, moves);
  }

  #call(
    request: DistributiveOmit<WorkerCall, "type" | "callId" | "callerId">,
    callerId: CallerId,
  ): Promise<DrainReport | undefined> {
    const callId = this.#nextCallId++;
    const answer = Promise.withResolvers<DrainReport | undefined>();
    this.#calls.set(callId, answer);
    this.#post({ type: "call", callId, callerId: callerId ?? inHook(), ...request });
    return answer.promise;
  }

  /** Make the replica and set it up; says "ready", or "failed" and why. Never rejects. */
  async #start(boot: WorkerBoot): Promise<void> {
    try {
      // Code that is imported, and servers that handlers start, find the arguments of the program.
      process.argv.splice(1, Infinity, ...boot.argv);
      this.#replica = await this.#makeReplica(boot);
      const { server } = this.#replica;
      this.#bounds = boundsIn(server.options, boot.workers);
      this.#prompt = boot.scarce;
      await callContext.run({ place: "worker" }, () => (server as WorkerHooks).workerSetup?.());
      this.#pulse = new Pulse(boot.beatMs, (beat) => this.#post({ type: "beat", beat }));
      this.#post({ type: "ready" });
    } catch (error) {
      this.#post({ type: "failed", error: errorToData(error) });
    }
  }

  #serveConnection(message: ConnectionMessage, socket: Socket | undefined): void {
    const { id, clientAddress, draining, relayed, remoteAddress, localAddress } = message;
    const replica = this.#replica;
    if (replica === undefined) {
      socket?.destroy();
      return;
    }
    // The runtime sends a socket to a process without this property.
    if (socket !== undefined) socket.allowHalfOpen = true;
    const stream = relayed ? this.#relayedSocket(id, replica.server.options.highWaterMark) : (socket ?? closedSocket());
    const connection = new Connection(stream, {
      ...this.#bounds,
      remoteAddress,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    this.#news.taken(id);
    // Before the handler can end this worker: all of the request may still be on the other side, which would give it to another one.
    if (socket === undefined || !this.#takesSockets) this.#news.flush();
    this.#serve(id, connection, clientAddress, draining);
  }

  #serve(id: number, request: Connection | Datagram, clientAddress: Address, draining: boolean): void {
    void this.#replica?.serve(id, request, clientAddress, draining);
  }

  #relayedSocket(id: number, highWaterMark: number): RelayedSocket {
    const post = (part: RelayFromWorker, moves?: readonly ArrayBuffer[]): void => {
      this.#post({ type: "relay", id, part }, moves);
    };
    const socket = new RelayedSocket(post, Math.max(highWaterMark, MIN_RELAY_BUFFER));
    this.#relayed.set(id, socket);
    return socket;
  }

  async #makeReplica(boot: WorkerBoot): Promise<Replica<Connection | Datagram>> {
    const handlerClass = await findClass(boot.handler);
    const serverClass = (await findClass(boot.server)) as new (
      address: Address,
      handler: unknown,
      options: object,
    ) => BaseServer<Connection | Datagram>;
    const server = construct(serverClass, boot, handlerClass);
    if (typeof server[becomeReplica] !== "function" || server.RequestHandlerClass !== handlerClass) {
      throw replicaFailed(boot.server.name, undefined);
    }
    return server[becomeReplica](this);
  }
}

/** The bounds of connections in this worker, which is one of several. */
function boundsIn(options: ResolvedServerOptions, workers: number): ConnectionOptions {
  const { maxBufferedBytes } = options;
  const budget = maxBufferedBytes === Infinity ? undefined : new BufferBudget(maxBufferedBytes / workers);
  return { ...boundsOf(options), budget, held: true };
}

/** Whether `workerSetup()` or `workerTeardown()` runs, for which the listener side waits. */
function inHook(): CallerId {
  return callContext.getStore()?.place === "worker" ? "hook" : undefined;
}

function construct<Server>(
  serverClass: new (address: Address, handler: unknown, options: object) => Server,
  { server: { name }, address, options }: WorkerBoot,
  handlerClass: unknown,
): Server {
  try {
    return new serverClass(address, handlerClass, options);
  } catch (error) {
    throw replicaFailed(name, error);
  }
}

/** A socket whose connection was closed on its way here: the runtime sends the message without it. */
function closedSocket(): Socket {
  const socket = unconnectedSocket();
  socket.destroy();
  return socket;
}

function replicaFailed(name: string, cause: unknown): SocketServerError {
  return new SocketServerError(
    ErrorCode.replicaFailed,
    `Cannot run ${name} in worker: its constructor must take (address, RequestHandlerClass, options) and pass them to super, so that a worker can construct it again`,
    { cause },
  );
}
