import {
  AsyncMixIn,
  BaseRequestHandler,
  TCPServer,
  type Accepted,
  type Address,
  type Mixed,
  type ServerConstructor,
  type ServerRequest,
} from "@socketserver/core";

/** What a word of a request's life does instead of its work. */
export type Fault = "throws" | "hangs";

/** The words that can fail, and how; each fails once. */
export interface Plan {
  readonly faults?: Readonly<Record<string, Fault>>;
  readonly verify?: boolean;
  readonly authorize?: boolean;
}

/** Notes every call, and fails as planned. */
export class Trace {
  readonly calls: string[] = [];
  #faults = new Map<string, Fault>();
  #plan: Plan = {};

  get plan(): Plan {
    return this.#plan;
  }

  /** From now on, fail as planned. */
  follow(plan: Plan): void {
    this.#plan = plan;
    this.#faults = new Map(Object.entries(plan.faults ?? {}));
  }

  /** Note a call; fail once if that is planned. */
  call<Value>(word: string, work: () => Value | Promise<Value>): Value | Promise<Value> {
    this.calls.push(word);
    const fault = this.#faults.get(word);
    this.#faults.delete(word);
    if (fault === "throws") throw new Error(`${word} fails`);
    if (fault === "hangs") return new Promise<Value>(() => {});
    return work();
  }
}

/** A handler that notes its calls on its server's trace, and echoes what comes first. */
export class TracedHandler extends BaseRequestHandler {
  get #trace(): Trace {
    return (this.server as unknown as { readonly trace: Trace }).trace;
  }

  override setup(): void | Promise<void> {
    return this.#trace.call("setup", () => super.setup());
  }

  override handle(): void | Promise<void> {
    return this.#trace.call("handle", async () => {
      await this.request.sendAll(await this.request.recv());
    });
  }

  override finish(): void | Promise<void> {
    return this.#trace.call("finish", () => super.finish());
  }
}

/** What {@link TracingMixIn} adds to a server. */
declare abstract class TracingMembers {
  readonly trace: Trace;
}

/** A mixin that notes every word of a request's life, outside of every other mixin. */
function TracingMixIn<Base extends ServerConstructor>(base: Base): Mixed<Base, TracingMembers> {
  abstract class TracingServer extends (base as ServerConstructor) {
    readonly trace = new Trace();

    override getRequest(): Accepted<ServerRequest> | Promise<Accepted<ServerRequest>> {
      return this.trace.call("getRequest", () => super.getRequest()) as Promise<Accepted<ServerRequest>>;
    }

    override verifyRequest(request: ServerRequest, clientAddress: Address): boolean | Promise<boolean> {
      const { verify = true } = this.trace.plan;
      return this.trace.call(
        "verifyRequest",
        () => super.verifyRequest(request, clientAddress) && verify,
      ) as Promise<boolean>;
    }

    override processRequest(request: ServerRequest, clientAddress: Address): void | Promise<void> {
      return this.trace.call("processRequest", () => super.processRequest(request, clientAddress)) as Promise<void>;
    }

    override prepareRequest(request: ServerRequest): void | Promise<void> {
      return this.trace.call("prepareRequest", () => super.prepareRequest(request)) as Promise<void>;
    }

    override authorizeRequest(request: ServerRequest, clientAddress: Address): boolean | Promise<boolean> {
      const { authorize = true } = this.trace.plan;
      return this.trace.call(
        "authorizeRequest",
        () => super.authorizeRequest(request, clientAddress) && authorize,
      ) as Promise<boolean>;
    }

    override finishRequest(request: ServerRequest, clientAddress: Address): void | Promise<void> {
      return this.trace.call("finishRequest", () => super.finishRequest(request, clientAddress)) as Promise<void>;
    }

    override shutdownRequest(request: ServerRequest): void | Promise<void> {
      return this.trace.call("shutdownRequest", () => super.shutdownRequest(request)) as Promise<void>;
    }

    override closeRequest(request: ServerRequest): void | Promise<void> {
      return this.trace.call("closeRequest", () => super.closeRequest(request)) as Promise<void>;
    }

    override handleError(error: unknown, request: ServerRequest, clientAddress: Address): void | Promise<void> {
      return this.trace.call("handleError", () => super.handleError(error, request, clientAddress)) as Promise<void>;
    }

    override serviceActions(): void | Promise<void> {
      return this.trace.call("serviceActions", () => super.serviceActions()) as Promise<void>;
    }

    override serverActivate(): void | Promise<void> {
      return this.trace.call("serverActivate", () => super.serverActivate()) as Promise<void>;
    }

    override serverStop(): void | Promise<void> {
      return this.trace.call("serverStop", () => super.serverStop()) as Promise<void>;
    }
  }
  return TracingServer as unknown as Mixed<Base, TracingMembers>;
}

/** One request at a time. */
export class TracedServer extends TracingMixIn(TCPServer) {}

/** All requests at once. */
export class TracedAsyncServer extends TracingMixIn(AsyncMixIn(TCPServer)) {}
