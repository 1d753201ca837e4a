import { EventEmitter } from "eventemitter3";

type Names<Events extends object> = EventEmitter.EventNames<Events>;
type Listener<Events extends object, Name extends Names<Events>> = EventEmitter.EventListener<Events, Name>;
type AnyListener = (this: unknown, ...args: unknown[]) => unknown;

/**
 * An emitter whose listeners can do no harm: one that throws, or rejects, is reported, and the others are called all the same.
 *
 * Every listener is registered inside of a guard, and is removed and listed as itself.
 */
export abstract class GuardedEmitter<Events extends object> extends EventEmitter<Events> {
  readonly #guards = new Map<string | symbol, WeakMap<AnyListener, AnyListener>>();
  readonly #listeners = new WeakMap<AnyListener, AnyListener>();

  /** A listener of this event threw, or rejected. */
  protected abstract listenerFailed(event: string | symbol, error: unknown): void;

  /** Call `listener` for each such event. */
  override on<Name extends Names<Events>>(event: Name, listener: Listener<Events, Name>, context?: unknown): this {
    return super.on(event, this.#guard(event, listener), context);
  }

  /** Call `listener` for each such event: the same as `on()`. */
  override addListener<Name extends Names<Events>>(
    event: Name,
    listener: Listener<Events, Name>,
    context?: unknown,
  ): this {
    return this.on(event, listener, context);
  }

  /** Call `listener` for the next such event. */
  override once<Name extends Names<Events>>(event: Name, listener: Listener<Events, Name>, context?: unknown): this {
    return super.once(event, this.#guard(event, listener), context);
  }

  /** Call `listener` no more; without one, none at all. */
  override off<Name extends Names<Events>>(
    event: Name,
    listener?: Listener<Events, Name>,
    context?: unknown,
    once?: boolean,
  ): this {
    return super.removeListener(event, listener && this.#guard(event, listener), context, once);
  }

  /** Call `listener` no more: the same as `off()`. */
  override removeListener<Name extends Names<Events>>(
    event: Name,
    listener?: Listener<Events, Name>,
    context?: unknown,
    once?: boolean,
  ): this {
    return this.off(event, listener, context, once);
  }

  /** Those who listen for such events. */
  override listeners<Name extends Names<Events>>(event: Name): Listener<Events, Name>[] {
    return super
      .listeners(event)
      .map((guard) => (this.#listeners.get(guard as AnyListener) ?? guard) as Listener<Events, Name>);
  }

  #guard<Name extends Names<Events>>(event: Name, given: Listener<Events, Name>): Listener<Events, Name> {
    const listener = given as AnyListener;
    // The emitter removes those of once() by what it knows of them.
    if (this.#listeners.has(listener)) return given;
    const name = event as string | symbol;
    const guards = this.#guards.get(name) ?? new WeakMap<AnyListener, AnyListener>();
    this.#guards.set(name, guards);
    let guard = guards.get(listener);
    if (guard === undefined) {
      const failed = (error: unknown): void => this.listenerFailed(name, error);
      guard = function (...args) {
        try {
          const answer = listener.apply(this, args);
          if (answer instanceof Promise) answer.catch(failed);
        } catch (error) {
          failed(error);
        }
      };
      guards.set(listener, guard);
      this.#listeners.set(guard, listener);
    }
    return guard as Listener<Events, Name>;
  }
}
