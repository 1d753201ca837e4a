import type {
  ConnectedInfo,
  ConnectingInfo,
  DisconnectedInfo,
  ReconnectingChannel,
  ReconnectingChannelEvents,
  WaitingInfo,
} from "@socketserver/client";

/** What was told with each kind of event. */
interface Told {
  readonly connecting: readonly ConnectingInfo[];
  readonly connected: readonly ConnectedInfo[];
  readonly disconnected: readonly DisconnectedInfo[];
  readonly waiting: readonly WaitingInfo[];
  readonly close: readonly (Error | undefined)[];
}

type Name = keyof ReconnectingChannelEvents;

const NAMES: readonly Name[] = ["connecting", "connected", "disconnected", "waiting", "close"];

/** Every event of a channel from now on. */
export class EventLog {
  /** The names, in order. */
  readonly names: Name[] = [];
  /** The state of the channel at each. */
  readonly states: string[] = [];
  readonly #told: { readonly name: Name; readonly info: unknown }[] = [];

  constructor(channel: ReconnectingChannel<never, never> | ReconnectingChannel<string>) {
    const emitter = channel as ReconnectingChannel<string>;
    for (const name of NAMES) {
      emitter.on(name, (info?: unknown) => {
        this.names.push(name);
        this.states.push(emitter.state);
        this.#told.push({ name, info });
      });
    }
  }

  /** What was told with the events of one kind. */
  of<Kind extends Name>(kind: Kind): Told[Kind] {
    return this.#told.filter(({ name }) => name === kind).map(({ info }) => info) as unknown as Told[Kind];
  }
}
