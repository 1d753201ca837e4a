import type { Address } from "../address.ts";
import type { CloseReason } from "../close-reason.ts";
import { ErrorCode, SocketServerError } from "../errors.ts";
import { callContext } from "../server/call-context.ts";
import type { BaseServer } from "../server/base-server.ts";
import type { DrainReport } from "../server/drain-report.ts";
import type { ListenerSide } from "../server/listener-side.ts";
import { becomeReplica, type Replica } from "../server/replica.ts";
import type { RequestTraffic } from "../server/request-record.ts";
import { Connection } from "../transport/connection.ts";
import { findClass } from "./class-lookup.ts";
import { errorFromData, errorToData } from "./error-data.ts";
import type { FromWorker, ToWorker, WorkerBoot } from "./messages.ts";

/** What a server class may do in each worker; `ThreadingMixIn` declares it. */
interface WorkerHooks {
  workerSetup?(): void | Promise<void>;
  workerTeardown?(): void | Promise<void>;
}

/** The worker's end of the conversation, whatever carries it: holds the replica, and speaks for it to the listener side. */
export class WorkerSide implements ListenerSide {
  readonly #post: (message: FromWorker) => void;
  readonly #calls = new Map<number, PromiseWithResolvers<DrainReport | undefined>>();
  #nextCallId = 1;
  #replica: Replica<Connection> | undefined;

  constructor(post: (message: FromWorker) => void) {
    this.#post = post;
  }

  /** Make the replica and set it up; says "ready", or "failed" and why. Never rejects. */
  async start(boot: WorkerBoot): Promise<void> {
    try {
      this.#replica = await this.#makeReplica(boot);
      const { server } = this.#replica;
      await callContext.run({ place: "worker" }, () => (server as WorkerHooks).workerSetup?.());
      this.#post({ type: "ready" });
    } catch (error) {
      this.#post({ type: "failed", error: errorToData(error) });
    }
  }

  /** Let the server tear down what it set up in this worker. Never rejects. */
  async stop(): Promise<void> {
    try {
      const server = this.#replica?.server as WorkerHooks | undefined;
      await callContext.run({ place: "worker" }, () => server?.workerTeardown?.());
    } catch (error) {
      this.requestError(error, undefined);
    }
  }

  receive(message: Exclude<ToWorker, { readonly type: "stop" }>): void {
    switch (message.type) {
      case "listening":
        return this.#replica?.listening(message.address);
      case "request":
        return this.#serve(message);
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
    this.#post({ type: "done", id });
  }

  requestGone(id: number): void {
    this.#post({ type: "gone", id });
  }

  requestClosed(id: number, reason: CloseReason, traffic: RequestTraffic): void {
    const { bytesRead, bytesWritten, lastActivity } = traffic;
    this.#post({ type: "closed", id, reason, bytesRead, bytesWritten, idleMs: performance.now() - lastActivity });
  }

  async shutdown(callerId: number | undefined): Promise<void> {
    const { callId, answer } = this.#call();
    this.#post({ type: "call", callId, method: "shutdown", callerId });
    await answer;
  }

  async close(graceMs: number | undefined, callerId: number | undefined): Promise<DrainReport> {
    const { callId, answer } = this.#call();
    this.#post({ type: "call", callId, method: "close", graceMs, callerId });
    return (await answer) as DrainReport;
  }

  #call(): { callId: number; answer: Promise<DrainReport | undefined> } {
    const callId = this.#nextCallId++;
    const call = Promise.withResolvers<DrainReport | undefined>();
    this.#calls.set(callId, call);
    return { callId, answer: call.promise };
  }

  #serve({ id, socket, clientAddress, draining }: Extract<ToWorker, { readonly type: "request" }>): void {
    const replica = this.#replica;
    if (replica === undefined) {
      socket.destroy();
      return;
    }
    const connection = new Connection(socket, { ...replica.server.options, held: true });
    void replica.serve(id, connection, clientAddress, draining);
  }

  async #makeReplica(boot: WorkerBoot): Promise<Replica<Connection>> {
    const handlerClass = await findClass(boot.handler);
    const serverClass = (await findClass(boot.server)) as new (
      address: Address,
      handler: unknown,
      options: object,
    ) => BaseServer<Connection>;
    const server = construct(serverClass, boot, handlerClass);
    if (typeof server[becomeReplica] !== "function" || server.RequestHandlerClass !== handlerClass) {
      throw replicaFailed(boot.server.name, undefined);
    }
    return server[becomeReplica](this);
  }
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

function replicaFailed(name: string, cause: unknown): SocketServerError {
  return new SocketServerError(
    ErrorCode.replicaFailed,
    `Cannot run ${name} in worker: its constructor must take (address, RequestHandlerClass, options) and pass them to super, so that a worker can construct it again`,
    { cause },
  );
}
