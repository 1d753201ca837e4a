import { fork, type ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { serialize } from "node:v8";

import { ErrorCode, SocketServerError } from "../errors.ts";
import { entryBeside } from "./entry-beside.ts";
import { messageIn } from "./envelope.ts";
import { inheritedArguments } from "./inherited-arguments.ts";
import type { ConnectionMessage, ToWorker } from "./messages.ts";
import { PARENT_VARIABLE } from "./parent-watch.ts";
import type { LinkLimits, LinkListener, WorkerLink } from "./worker-link.ts";

const MEBIBYTE = 1_048_576;

/** These tell of clients, by addresses that `getRequest()` may have made: all else can be cloned. */
const HOLDS_ADDRESSES: ReadonlySet<ToWorker["type"]> = new Set(["connection", "datagram", "answer"]);

/** How long after its exit the last messages of a process may take to arrive, in milliseconds: a grandchild may keep their pipe open. */
const LAST_MESSAGES_MS = 500;

/**
 * A worker that is a process.
 *
 * A socket is sent there, and a descriptor of it stays here, unread, until the worker says that it has it: so a connection that was on its way to a
 * process that died can go to another one.
 */
export class ProcessLink implements WorkerLink {
  readonly #limits: LinkLimits;
  #child: ChildProcess | undefined;
  #listener: LinkListener | undefined;
  #exited = false;
  /** What was sent and not yet taken. */
  readonly #sent = new Map<number, Socket>();

  constructor(limits: LinkLimits) {
    this.#limits = limits;
  }

  start(listener: LinkListener): void {
    this.#listener = listener;
    let child: ChildProcess;
    try {
      const env = { ...process.env, [PARENT_VARIABLE]: String(process.pid) };
      child = fork(entryBeside(import.meta.url, "process-entry"), {
        execArgv: [...inheritedArguments(), ...this.#heapLimit()],
        env,
        serialization: "advanced",
        stdio: ["ignore", "inherit", "inherit", "ipc"],
      });
    } catch (error) {
      this.#end(error as Error);
      return;
    }
    this.#child = child;
    child.on("message", (received) => {
      const message = messageIn(received);
      if (message !== undefined) listener.message(message);
    });
    child.on("error", (error) => {
      // Failed sends are told to their callbacks, and followed by an exit; without a process there will be none.
      if (child.pid === undefined) this.#end(error);
    });
    child.once("exit", (code, signal) => {
      const error = this.#exitError(code, signal);
      const timer = setTimeout(() => this.#end(error), LAST_MESSAGES_MS);
      child.once("close", () => {
        clearTimeout(timer);
        this.#end(error);
      });
    });
  }

  post(message: ToWorker): void {
    if (this.#child?.connected !== true) return;
    this.#refuseUncloneable(message);
    this.#child.send({ socketserver: message }, ignoreFailure);
  }

  move(message: ConnectionMessage, socket: Socket): boolean {
    const child = this.#child;
    if (child?.connected !== true) return false;
    this.#refuseUncloneable(message);
    const { id } = message;
    // Node would count it as a connection of its server until the child says that it is closed, and for ever if the child is killed.
    (socket as { server?: unknown }).server = null;
    child.send({ socketserver: message }, socket, { keepOpen: true }, (error) => {
      if (error === null || !child.connected || !this.#sent.delete(id)) return;
      this.#listener?.undelivered();
    });
    this.#sent.set(id, socket);
    return true;
  }

  /** The process has descriptors of its own. */
  canMove(): boolean {
    return true;
  }

  taken(id: number): void {
    this.#sent.get(id)?.destroy();
    this.#sent.delete(id);
  }

  forget(id: number): void {
    this.#sent.delete(id);
  }

  kill(): void {
    this.#child?.kill("SIGKILL");
  }

  /** Throw now what the channel would throw later, where nobody catches it: while a socket is on its way, it keeps what comes after that. */
  #refuseUncloneable(message: ToWorker): void {
    if (this.#sent.size > 0 && HOLDS_ADDRESSES.has(message.type)) serialize(message);
  }

  #heapLimit(): string[] {
    const { maxHeapSize } = this.#limits;
    return maxHeapSize === undefined ? [] : [`--max-old-space-size=${Math.ceil(maxHeapSize / MEBIBYTE)}`];
  }

  #end(error: Error): void {
    if (this.#exited) return;
    this.#exited = true;
    this.#listener?.exited(error);
  }

  #exitError(code: number | null, signal: NodeJS.Signals | null): SocketServerError {
    const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
    const { maxHeapSize } = this.#limits;
    const hint =
      signal === "SIGABRT" && maxHeapSize !== undefined
        ? `, probably because its heap reached maxHeapSize, ${maxHeapSize} bytes`
        : "";
    return new SocketServerError(ErrorCode.workerLost, `Cannot go on in worker: its process ${how}${hint}`);
  }
}

function ignoreFailure(): void {
  // The worker is gone, and its exit tells.
}
