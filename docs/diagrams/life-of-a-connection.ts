/** One step in the life of a connection. */
export interface Step {
  /** The name of the hook or the event; of a moment, what happens. */
  readonly name: string;
  /** A hook of the server or of the handler may be overridden, an event is only told, a moment just passes. */
  readonly kind: "server" | "handler" | "event" | "moment";
  /** The handler side is a worker, if there are some. */
  readonly side: "listener" | "handler";
  /** What it is for, in a few words. */
  readonly note: string;
  /** Of a hook that throws or hangs: the calls from there on, and the close reason. */
  readonly failure?: { readonly calls: readonly string[]; readonly reason: string };
}

const CLOSED = ["shutdownRequest", "closeRequest"];

/** What every connection lives through if all goes well, in its order. A test holds it to real servers of each kind. */
export const LIFE: readonly Step[] = [
  { name: "accepted, or dropped", kind: "moment", side: "listener", note: "see the drop reasons" },
  { name: "waits for its turn", kind: "moment", side: "listener", note: "nobody reads it" },
  { name: "getRequest", kind: "server", side: "listener", note: "the loop takes the next" },
  { name: "request", kind: "event", side: "listener", note: "" },
  {
    name: "verifyRequest",
    kind: "server",
    side: "listener",
    note: "may it be served at all?",
    failure: { calls: ["handleError", ...CLOSED], reason: "refused" },
  },
  {
    name: "processRequest",
    kind: "server",
    side: "listener",
    note: "where, when? mixins say",
    failure: { calls: ["handleError", ...CLOSED], reason: "handler-error" },
  },
  {
    name: "prepareRequest",
    kind: "server",
    side: "handler",
    note: "before anybody reads it",
    failure: { calls: ["handleError", ...CLOSED], reason: "handler-error" },
  },
  {
    name: "authorizeRequest",
    kind: "server",
    side: "handler",
    note: "may this client be served?",
    failure: { calls: ["handleError", ...CLOSED], reason: "unauthorized" },
  },
  {
    name: "finishRequest",
    kind: "server",
    side: "handler",
    note: "makes the handler, runs it",
    failure: { calls: ["handleError", ...CLOSED], reason: "handler-error" },
  },
  {
    name: "setup",
    kind: "handler",
    side: "handler",
    note: "prepares",
    failure: { calls: ["handleError", ...CLOSED], reason: "handler-error" },
  },
  {
    name: "handle",
    kind: "handler",
    side: "handler",
    note: "reads and writes",
    failure: { calls: ["finish", "handleError", ...CLOSED], reason: "handler-error" },
  },
  {
    name: "finish",
    kind: "handler",
    side: "handler",
    note: "cleans up",
    failure: { calls: ["handleError", ...CLOSED], reason: "handler-error" },
  },
  {
    name: "shutdownRequest",
    kind: "server",
    side: "handler",
    note: "ends our side",
    failure: { calls: ["closeRequest"], reason: "done" },
  },
  { name: "waits for the peer's end", kind: "moment", side: "handler", note: "at most lingerMs" },
  {
    name: "closeRequest",
    kind: "server",
    side: "handler",
    note: "once, whatever happened",
    failure: { calls: [], reason: "done" },
  },
  { name: "requestClosed", kind: "event", side: "listener", note: "" },
];
