import type { Socket } from "node:net";
import { MessageChannel, Worker } from "node:worker_threads";

import type { Address } from "../address.ts";
import { CloseReason } from "../close-reason.ts";
import { ErrorCode, SocketServerError, codeOf } from "../errors.ts";
import type { ListenerSide } from "../server/listener-side.ts";
import type { MovedRequest } from "../server/moved-request.ts";
import type { Connection } from "../transport/connection.ts";
import { unconnectedSocket } from "../transport/unconnected-socket.ts";
import { errorFromData, errorToData } from "./error-data.ts";
import type { FromWorker, ToWorker, WorkerBoot } from "./messages.ts";
import type { PoolWorker, WorkerEnd } from "./pool-worker.ts";

/** What a worker may ask of its server. */
export type WorkerOwner = Pick<ListenerSide, "requestError" | "shutdown" | "close">;

/** How long a worker may take to import its modules and set up, in milliseconds. Generous: it may be one of many on a busy machine. */
const READY_TIMEOUT_MS = 30_000;

/** The entry has the ending of this file: `.js` when built, `.ts` when run from source. */
const ENTRY = new URL(`./thread-entry${import.meta.url.slice(import.meta.url.lastIndexOf("."))}`, import.meta.url);

/** A worker that is a thread. Connections move there by transfer: the socket leaves this thread, and arrives unread. */
export class ThreadWorker implements PoolWorker {
  readonly id: number;
  readonly gone: Promise<WorkerEnd>;

  readonly #boot: WorkerBoot;
  readonly #owner: WorkerOwner;
  readonly #requests = new Map<number, MovedRequest>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #exit = Promise.withResolvers<WorkerEnd>();
  #thread: Worker | undefined;
  #failure: Error | undefined;
  #stopping: Promise<void> | undefined;
  #exited = false;
  #served = 0;

  constructor(id: number, boot: WorkerBoot, owner: WorkerOwner) {
    this.id = id;
    this.#boot = boot;
    this.#owner = owner;
    this.gone = this.#exit.promise;
  }

  get active(): number {
    return this.#requests.size;
  }

  get served(): number {
    return this.#served;
  }

  async start(): Promise<void> {
    const thread = new Worker(ENTRY, { workerData: this.#boot, name: `socketserver-${this.id}` });
    this.#thread = thread;
    thread.on("message", (message: FromWorker) => this.#receive(message));
    thread.on("error", (error) => {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    });
    thread.on("exit", (code) => this.#onExit(code));
    const timer = setTimeout(() => {
      this.#fail(
        new SocketServerError(
          ErrorCode.workerLost,
          `Cannot start worker: it was not ready after ${READY_TIMEOUT_MS} ms`,
        ),
      );
    }, READY_TIMEOUT_MS);
    try {
      await this.#ready.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  listening(address: Address): void {
    this.#post({ type: "listening", address });
  }

  handOver(request: MovedRequest, connection: Connection, clientAddress: Address): boolean {
    if (this.#exited || this.#stopping !== undefined) return false;
    const socket = connection.socket as Socket;
    const { id, draining } = request;
    this.#thread?.postMessage({ type: "request", id, clientAddress, draining, socket } satisfies ToWorker, [
      socket as never,
    ]);
    // Posting to a thread that has ended throws nothing, and leaves the socket here.
    if (!socket.destroyed) return false;
    connection.detach();
    request.movedTo({
      drain: () => this.#post({ type: "drain", id }),
      cut: (reason) => this.#post({ type: "cut", id, reason }),
    });
    this.#requests.set(id, request);
    this.#served++;
    return true;
  }

  stop(limitMs: number): Promise<void> {
    this.#stopping ??= this.#stop(limitMs);
    return this.#stopping;
  }

  async #stop(limitMs: number): Promise<void> {
    this.#post({ type: "stop" });
    const timer = setTimeout(() => void this.#thread?.terminate(), limitMs);
    await this.gone;
    clearTimeout(timer);
  }

  #post(message: ToWorker): void {
    this.#thread?.postMessage(message);
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case "ready":
        return this.#ready.resolve();
      case "failed":
        return this.#fail(asError(errorFromData(message.error)));
      case "error":
        return this.#owner.requestError(errorFromData(message.error), message.clientAddress);
      case "call":
        return void this.#answer(message);
      case "done":
        return this.#requests.get(message.id)?.done();
      case "closed": {
        const { id, reason, bytesRead, bytesWritten, idleMs } = message;
        const lastActivity = performance.now() - idleMs;
        return this.#requests.get(id)?.closed(reason, { bytesRead, bytesWritten, lastActivity });
      }
      case "gone":
        this.#requests.get(message.id)?.gone();
        this.#requests.delete(message.id);
    }
  }

  async #answer(call: Extract<FromWorker, { readonly type: "call" }>): Promise<void> {
    const { callId } = call;
    try {
      if (call.method === "shutdown") {
        await this.#owner.shutdown(call.callerId);
        this.#post({ type: "answer", callId });
      } else {
        this.#post({ type: "answer", callId, result: await this.#owner.close(call.graceMs, call.callerId) });
      }
    } catch (error) {
      this.#post({ type: "answer", callId, error: errorToData(error) });
    }
  }

  /** It will never be ready. */
  #fail(error: Error): void {
    this.#failure ??= error;
    void this.#thread?.terminate();
  }

  #onExit(code: number): void {
    this.#exited = true;
    const stopped = this.#stopping !== undefined && this.#failure === undefined;
    const error =
      this.#failure ??
      new SocketServerError(ErrorCode.workerLost, `Cannot go on in worker ${this.id}: it exited with code ${code}`);
    this.#ready.promise.catch(() => {
      // If it was ready before, nobody waits for this.
    });
    this.#ready.reject(error);
    const reason = stopped ? CloseReason.drain : CloseReason.workerLost;
    const lost = this.#requests.size;
    for (const request of this.#requests.values()) request.lost(reason);
    this.#requests.clear();
    this.#exit.resolve(stopped ? { lost } : { lost, error });
  }
}

/**
 * Whether this runtime can move a socket to a thread. It is asked, not guessed from its version: with a socket that is not connected, one that can
 * says that this one is in the wrong state.
 */
export function canTransferSockets(): boolean {
  const { port1 } = new MessageChannel();
  const socket = unconnectedSocket();
  try {
    port1.postMessage(socket, [socket as never]);
    return true;
  } catch (error) {
    return codeOf(error) === "ERR_WORKER_HANDLE_NOT_TRANSFERABLE";
  } finally {
    socket.destroy();
    port1.close();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
