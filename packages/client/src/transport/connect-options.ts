import {
  ErrorCode,
  flag,
  integer,
  milliseconds,
  optional,
  resolveOptions,
  show,
  typeError,
  type ConnectionOptions,
  type OptionRule,
  type OptionRules,
} from "@socketserver/core";
import { isIP } from "node:net";

/** The bounds of a connection, which are the same at both ends. */
type Bounds = Omit<ConnectionOptions, "budget" | "held" | "remoteAddress" | "localAddress">;

/**
 * How to connect, and the bounds of the connection. Times in milliseconds, sizes in bytes, `Infinity` for "without bound".
 */
export interface ConnectOptions extends Bounds {
  /**
   * How long it may take until there is a connection, name look-up and all addresses included, an integer >= 0 or `Infinity`.
   * @defaultValue 10000
   */
  readonly connectTimeoutMs?: number;
  /**
   * The head start of each address before the next one is tried beside it, an integer >= 0 or `Infinity`, which tries the next one only when the one before has
   * failed.
   *
   * @see {@link https://www.rfc-editor.org/rfc/rfc8305#section-5 | RFC 8305, section 5}
   * @defaultValue 250
   */
  readonly attemptDelayMs?: number;
  /**
   * Where our end is: an IP address of this machine, and a port, which the system chooses unless given. Not for Unix sockets.
   * @defaultValue the system's choice
   */
  readonly sourceAddress?: SourceAddress;
  /**
   * Whether small pieces are sent at once instead of waiting to fill packets (Nagle's algorithm off). A Unix socket knows no difference.
   * @defaultValue true
   */
  readonly noDelay?: boolean;
  /**
   * After how long without traffic the system begins to ask whether the other side is still there (TCP keep-alive), an integer >= 1000, of which it takes whole
   * seconds, at most 32 767 of them, or `Infinity`: never. It asks every second then, and the connection is lost after ten questions without an answer.
   * @defaultValue Infinity
   */
  readonly keepAliveMs?: number;
}

/** Where our end of a connection is. */
export interface SourceAddress {
  /** An IP address of this machine. */
  readonly host: string;
  /** 0 to 65 535; 0 lets the system choose. @defaultValue 0 */
  readonly port?: number;
}

/** What {@link ConnectOptions} are when they are checked and complete. */
export type ResolvedConnectOptions = Required<Omit<ConnectOptions, "sourceAddress">> &
  Pick<ConnectOptions, "sourceAddress">;

/** What Linux knows, and a second less a millisecond, because whole seconds are taken. */
const MAX_KEEP_ALIVE_MS = 32_767_999;

const rate = integer({ defaultValue: 0, min: 0, unbounded: true });

const SOURCE_ADDRESS: OptionRule = {
  defaultValue: undefined,
  check(name, value, owner) {
    const { host, port = 0, ...rest } = (value ?? {}) as Partial<SourceAddress>;
    const isHost = typeof host === "string" && isIP(host) !== 0;
    const isPort = typeof port === "number" && Number.isInteger(port) && port >= 0 && port <= 65_535;
    if (isHost && isPort && Object.keys(rest).length === 0) return;
    throw typeError(
      ErrorCode.invalidOption,
      `Cannot create ${owner}: ${name} must be an object such as { host: "127.0.0.1" }, with an IP address and perhaps a port from 0 to 65535, received ${show(value)}`,
    );
  },
};

/** The rules of {@link ConnectOptions}. */
export const CONNECT_OPTION_RULES = {
  connectTimeoutMs: milliseconds(10_000),
  attemptDelayMs: milliseconds(250),
  sourceAddress: optional(SOURCE_ADDRESS),
  noDelay: flag(true),
  keepAliveMs: integer({ defaultValue: Infinity, min: 1_000, max: MAX_KEEP_ALIVE_MS, unbounded: true }),
  highWaterMark: integer({ defaultValue: 65_536, min: 0, unbounded: true }),
  idleTimeoutMs: milliseconds(300_000),
  writeStallMs: milliseconds(30_000),
  lingerMs: milliseconds(2_000),
  firstByteTimeoutMs: milliseconds(Infinity),
  minReadRate: rate,
  minWriteRate: rate,
  rateGraceMs: milliseconds(5_000),
} as const satisfies OptionRules;

const SIGNAL: OptionRule = {
  defaultValue: undefined,
  check(name, value, owner) {
    if (value instanceof AbortSignal) return;
    throw typeError(
      ErrorCode.invalidOption,
      `Cannot create ${owner}: ${name} must be an AbortSignal, received ${show(value)}`,
    );
  },
};

/** The same, and that of the signal that ends an attempt. */
export const CONNECT_SETTING_RULES = { ...CONNECT_OPTION_RULES, signal: SIGNAL } as const satisfies OptionRules;

/**
 * Check how to connect, and fill in the defaults.
 *
 * @throws `TypeError` or `RangeError` `ERR_SOCKETSERVER_INVALID_OPTION` that shows the value.
 */
export function resolveConnectOptions(
  settings: (ConnectOptions & { readonly signal?: AbortSignal | undefined }) | undefined,
): ResolvedConnectOptions & { readonly signal: AbortSignal | undefined } {
  return resolveOptions(CONNECT_SETTING_RULES, settings, "", "connection") as never;
}
