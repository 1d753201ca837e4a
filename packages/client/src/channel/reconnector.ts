import { setTimeout as pause } from "node:timers/promises";

import { Backoff, type BackoffOptions } from "../backoff.ts";
import type { ConnectedInfo, ConnectingInfo, DisconnectedInfo, WaitingInfo } from "./channel-events.ts";
import type { Channel } from "./channel.ts";

/** When to try again, and when no more. */
interface ReconnectorOptions {
  readonly backoff: Required<BackoffOptions>;
  readonly stableMs: number;
  readonly maxAttempts: number;
}

/** What a {@link Reconnector} tells. */
export interface ReconnectorListener<In, Out> {
  connecting(info: ConnectingInfo): void;
  connected(channel: Channel<In, Out>, info: ConnectedInfo): void;
  disconnected(channel: Channel<In, Out>, info: DisconnectedInfo): void;
  waiting(info: WaitingInfo): void;
  /** It will not try again. */
  gaveUp(error: Error | undefined): void;
}

/** Keeps one channel open: makes another one when it is lost, after pauses that grow while that fails. */
export class Reconnector<In, Out> {
  readonly #open: (signal: AbortSignal) => Promise<Channel<In, Out>>;
  readonly #options: ReconnectorOptions;
  readonly #listener: ReconnectorListener<In, Out>;
  readonly #stopping = new AbortController();
  readonly #backoff: Backoff;
  /** Attempts in a row that have failed, and connections that did not last. */
  #failures = 0;
  #running: Promise<void> | undefined;
  /** Channels that are lost, and whose connections are not closed yet. */
  readonly #closing = new Set<Promise<void>>();

  /** @param open - Makes a channel that is ready to be used, unless the signal is aborted. */
  constructor(
    open: (signal: AbortSignal) => Promise<Channel<In, Out>>,
    options: ReconnectorOptions,
    listener: ReconnectorListener<In, Out>,
  ) {
    this.#open = open;
    this.#options = options;
    this.#listener = listener;
    this.#backoff = new Backoff(options.backoff);
  }

  /** Begin, if that was not done. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Close what is open, and try no more; resolves when nothing is left. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await Promise.all(this.#closing);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const error = await this.#connectOnce();
      if (signal.aborted) return;
      if (this.#failures >= this.#options.maxAttempts) {
        this.#listener.gaveUp(error);
        return;
      }
      const delayMs = this.#backoff.next();
      this.#listener.waiting({ delayMs, failedAttempts: this.#failures, error });
      // Rejects when it is stopped, which the loop sees.
      await pause(delayMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Make a connection and wait for its end; answers what broke it, or why there was none. */
  async #connectOnce(): Promise<Error | undefined> {
    const attempt = this.#failures + 1;
    this.#failures = attempt;
    this.#listener.connecting({ attempt });
    let channel: Channel<In, Out>;
    try {
      channel = await this.#open(this.#stopping.signal);
    } catch (error) {
      return error as Error;
    }
    return this.#keep(channel, attempt);
  }

  async #keep(channel: Channel<In, Out>, attempts: number): Promise<Error | undefined> {
    const { signal } = this.#stopping;
    const { promise: ended, resolve } = Promise.withResolvers<Error | undefined>();
    const close = (): void => this.#close(channel);
    if (signal.aborted) {
      close();
      return undefined;
    }
    signal.addEventListener("abort", close, { once: true });
    const connectedAt = performance.now();
    this.#listener.connected(channel, { remoteAddress: channel.connection.remoteAddress, attempts });
    channel.onEnd((error) => {
      const connectedMs = performance.now() - connectedAt;
      if (connectedMs >= this.#options.stableMs) this.#succeeded();
      this.#listener.disconnected(channel, { error, connectedMs });
      resolve(error);
    });
    const error = await ended;
    signal.removeEventListener("abort", close);
    close();
    return error;
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#backoff.reset();
  }

  #close(channel: Channel<In, Out>): void {
    const closing = channel.close().then(() => void this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}
