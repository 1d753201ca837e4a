import { setTimeout as pause } from "node:timers/promises";

import { asError } from "../as-error.ts";
import { Backoff, type BackoffOptions } from "../backoff.ts";
import { textOf } from "../text-of.ts";
import type { ConnectedInfo, ConnectingInfo, DisconnectedInfo, WaitingInfo } from "./channel-events.ts";
import type { Channel } from "./channel.ts";

/** When to try again, and when no more. */
interface ReconnectorOptions {
  readonly backoff: Required<BackoffOptions>;
  readonly stableMs: number;
  readonly maxAttempts: number;
}

/** Makes channels. */
export interface ChannelMaker<In, Out> {
  /** Make a connection. */
  connect(signal: AbortSignal): Promise<Channel<In, Out>>;
  /** Do what a connection begins with. */
  setUp(channel: Channel<In, Out>, signal: AbortSignal): Promise<void>;
  /** Whether to make another one, after this. */
  shouldReconnect(error: Error | undefined): boolean;
}

/** What a {@link Reconnector} tells. */
export interface ReconnectorListener<In, Out> {
  connecting(info: ConnectingInfo): void;
  connected(channel: Channel<In, Out>, info: ConnectedInfo): void;
  /** Nothing more comes or goes over it. */
  lost(channel: Channel<In, Out>): void;
  disconnected(info: DisconnectedInfo): void;
  waiting(info: WaitingInfo): void;
  /** It will not try again. */
  gaveUp(why: string, error: Error | undefined): void;
}

/** Keeps one channel open: makes another one when it is lost, after pauses that grow while that fails. */
export class Reconnector<In, Out> {
  readonly #maker: ChannelMaker<In, Out>;
  readonly #options: ReconnectorOptions;
  readonly #listener: ReconnectorListener<In, Out>;
  readonly #stopping = new AbortController();
  readonly #backoff: Backoff;
  /** Attempts in a row that have failed, and connections that did not last. */
  #failures = 0;
  #started = false;
  #running: Promise<void> | undefined;
  /** Channels that are lost, and whose connections are not closed yet. */
  readonly #closing = new Set<Promise<void>>();

  constructor(maker: ChannelMaker<In, Out>, options: ReconnectorOptions, listener: ReconnectorListener<In, Out>) {
    this.#maker = maker;
    this.#options = options;
    this.#listener = listener;
    this.#backoff = new Backoff(options.backoff);
  }

  /** Begin, if that was not done. */
  start(): void {
    if (this.#started) return;
    // Before it runs: a listener that hears of it may call this again.
    this.#started = true;
    this.#running = this.#run();
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
      const whyNot = this.#whyNotAgain(error);
      if (whyNot !== undefined) {
        this.#listener.gaveUp(whyNot, error);
        return;
      }
      const delayMs = this.#backoff.next();
      this.#listener.waiting({ delayMs, failedAttempts: this.#failures, error });
      // Rejects when it is stopped, which the loop sees.
      await pause(delayMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Why there is to be no other attempt; undefined if there is. */
  #whyNotAgain(error: Error | undefined): string | undefined {
    const { maxAttempts, stableMs } = this.#options;
    if (this.#failures >= maxAttempts)
      return `${this.#failures} attempts in a row have failed, or did not last for ${stableMs} ms (maxAttempts, stableMs)`;
    try {
      return this.#maker.shouldReconnect(error) ? undefined : "shouldReconnect() said no";
    } catch (thrown) {
      return `shouldReconnect() threw ${textOf(thrown)}`;
    }
  }

  /** Make a connection and wait for its end; answers what broke it, or why there was none. */
  async #connectOnce(): Promise<Error | undefined> {
    const attempt = this.#failures + 1;
    this.#failures = attempt;
    this.#listener.connecting({ attempt });
    const { signal } = this.#stopping;
    let channel: Channel<In, Out> | undefined;
    try {
      channel = await this.#maker.connect(signal);
      await this.#maker.setUp(channel, signal);
    } catch (error) {
      // Nobody waits for the goodbye of a server that would not even greet.
      if (channel !== undefined) this.#close(channel);
      return asError(error);
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
    channel.conversation.onEnd(({ cause }) => {
      this.#listener.lost(channel);
      resolve(cause);
    });
    // Whoever goes on over the next connection has heard of it before anybody is told: what listeners send comes behind.
    const error = await ended;
    const connectedMs = performance.now() - connectedAt;
    if (connectedMs >= this.#options.stableMs) this.#succeeded();
    this.#listener.disconnected({ error, connectedMs });
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
