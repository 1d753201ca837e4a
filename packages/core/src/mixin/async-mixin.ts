import type { Address } from "../address.ts";
import { serverExtension, type Mixed, type ServerConstructor, type ServerExtension } from "../mixin.ts";
import { integer, optional } from "../option-rules.ts";
import { UDPServer } from "../server/udp-server.ts";
import type { ServerRequest } from "../transport/server-request.ts";

/** Options of {@link AsyncMixIn}. */
export interface AsyncOptions {
  readonly async?: {
    /**
     * Handlers that run at once, an integer >= 1 or `Infinity`. While as many run, the serving loop takes no further request.
     * @defaultValue Infinity (`maxConnections` bounds them); 1024 for datagrams
     */
    readonly maxConcurrentRequests?: number;
  };
}

/** What {@link AsyncMixIn} adds to a server. */
declare abstract class AsyncMembers {
  readonly options: { readonly async: { readonly maxConcurrentRequests?: number } };
}
export type { AsyncMembers };

/** Datagrams have no connections, which `maxConnections` would bound. */
const MAX_CONCURRENT_DATAGRAMS = 1_024;

/**
 * Run every request as a task of its own on this event loop, asyncio's way: handlers that wait do not hold each other up. One that computes
 * does, and belongs in a thread.
 *
 * Changes `processRequest`.
 *
 * @example
 * ```ts run
 * import { AsyncMixIn, BaseRequestHandler, TCPServer } from "@socketserver/core";
 * import { serve, talk } from "@socketserver/testing";
 *
 * let clients = 0;
 * const both = Promise.withResolvers<void>();
 *
 * class MeetingHandler extends BaseRequestHandler {
 *   override async handle(): Promise<void> {
 *     if (++clients === 2) both.resolve();
 *     await both.promise;
 *     await this.request.sendAll("we have met");
 *   }
 * }
 *
 * class MeetingServer extends AsyncMixIn(TCPServer) {}
 *
 * // In a plain TCPServer the second one would wait for the first, which waits for the second.
 * await using running = await serve(MeetingHandler, { server: MeetingServer });
 * const answers = await Promise.all([talk(running.address, ""), talk(running.address, "")]);
 * console.log(answers.join(", "));
 * ```
 *
 * ```text
 * we have met, we have met
 * ```
 */
export function AsyncMixIn<Base extends ServerConstructor>(base: Base): Mixed<Base, AsyncMembers, AsyncOptions> {
  abstract class AsyncServer extends (base as ServerConstructor) {
    static readonly [serverExtension]: ServerExtension = {
      name: "AsyncMixIn",
      replaces: ["processRequest"],
      options: {
        async: { maxConcurrentRequests: optional(integer({ defaultValue: Infinity, min: 1, unbounded: true })) },
      },
    };

    #running = 0;
    #onRoom: (() => void) | undefined;

    get #limit(): number {
      const { async } = this.options as typeof this.options & AsyncMembers["options"];
      return async.maxConcurrentRequests ?? (this instanceof UDPServer ? MAX_CONCURRENT_DATAGRAMS : Infinity);
    }

    override processRequest(request: ServerRequest, clientAddress: Address): void | Promise<void> {
      this.#running++;
      void this.runRequest(request, clientAddress).then(() => {
        this.#running--;
        this.#onRoom?.();
        this.#onRoom = undefined;
      });
      if (this.#running < this.#limit) return;
      return new Promise((resolve) => {
        this.#onRoom = resolve;
      });
    }
  }
  return AsyncServer as unknown as Mixed<Base, AsyncMembers, AsyncOptions>;
}
