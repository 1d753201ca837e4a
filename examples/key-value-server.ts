/**
 * A key-value server for Redis clients: text and lists, expiry, publish and subscribe. The one long example.
 *
 * Shows a whole server: a protocol of its own (resp.ts), commands as a table, data that handlers share, subscribers who
 * do not read, and work beside the requests. How much is stored is bounded by memory alone, as in Redis.
 *
 *     node examples/key-value-server.ts          (or: node examples/key-value-server.ts 7000, or PORT=7000)
 *     redis-cli -p 6380
 */
import { AsyncMixIn, TCPServer } from "@socketserver/core";
import { MessageRequestHandler, type ProtocolError, type Reply } from "@socketserver/framing";

import { OK, RespError, resp, type Command, type RespValue } from "./resp.ts";
import { portOr, start } from "./start.ts";

/** What a key stands for, and until when on the clock of `Date.now()`. A list is an array: at its head it costs its length. */
type Entry = { value: string | string[]; expiry: number };

/** Keys and their values. What has expired is not there. */
export class Keyspace extends Map<string, Entry> {
  override get(key: string): Entry | undefined {
    const entry = super.get(key);
    if (entry === undefined || entry.expiry === Infinity || entry.expiry > Date.now()) return entry;
    return void this.delete(key);
  }

  put(key: string, value: Entry["value"], expiry = Infinity): void {
    this.set(this.has(key) ? key : own(key), { value, expiry });
  }

  text(key: string, ifList: () => null = wrongType): string | null {
    const value = this.get(key)?.value ?? null;
    return Array.isArray(value) ? ifList() : value;
  }

  /** Read or change a list, which is there while something is in it. */
  list<Result>(key: string, use: (list: string[]) => Result): Result {
    const value = this.get(key)?.value ?? [];
    const result = Array.isArray(value) ? use(value) : wrongType();
    if (value.length === 0) this.delete(key);
    else if (!this.has(key)) this.put(key, value);
    return result;
  }
}

export class KeyValueServer extends AsyncMixIn(TCPServer) {
  readonly keys = new Keyspace();
  readonly channels = new Map<string, Set<RedisHandler>>();
  #unswept = this.keys.keys();

  /** Forget what has expired and nobody asks for. Each call goes on where the last one stopped. */
  override serviceActions(): void {
    for (let count = 0; count < 10_000; count++) {
      const { value: key } = this.#unswept.next();
      if (key === undefined) return void (this.#unswept = this.keys.keys());
      this.keys.get(key);
    }
  }
}

export class RedisHandler extends MessageRequestHandler(resp)<KeyValueServer> {
  /** Clients may be silent, and subscribers are. */
  override timeoutMs = Infinity;
  readonly keys = this.server.keys;
  readonly channels = new Set<string>();
  #waiting = 0;

  override handleMessage([name = "", ...args]: Command): Reply<RespValue> {
    try {
      const command = COMMANDS.get(name) ?? COMMANDS.get(name.toUpperCase()) ?? unknownCommand(name, args);
      if (args.length < command.fewest || args.length > command.most) wrongNumber(name);
      return command.run(this, ...args);
    } catch (error) {
      if (error instanceof RespError) return error;
      throw error;
    }
  }

  override async handleProtocolError(error: ProtocolError): Promise<void> {
    await this.send(new RespError(error.message.replace("Cannot decode command", "ERR Protocol error")));
    throw error;
  }

  /** Send what is no reply. Who lets 8 MiB of it wait has to leave, as with Redis: a subscriber would not notice a gap. */
  async tell(kind: string, channel: string, content: string | number): Promise<void> {
    const size = kind.length + String(content).length;
    this.#waiting += size;
    if (this.#waiting > 8_388_608) return this.connection.shutdown("read");
    await this.send([kind, channel, content]).catch(() => undefined);
    this.#waiting -= size;
  }

  join(channel: string): void {
    const { channels } = this.server;
    channels.set(own(channel), (channels.get(channel) ?? new Set()).add(this));
    void this.tell("subscribe", channel, this.channels.add(own(channel)).size);
  }

  /** Answers in how many channels the client still is. */
  leave(channel: string): number {
    const members = this.server.channels.get(channel);
    if (members?.delete(this) && members.size === 0) this.server.channels.delete(channel);
    this.channels.delete(channel);
    return this.channels.size;
  }

  override finish(): void {
    this.channels.forEach((channel) => this.leave(channel));
  }
}

type Run = (client: RedisHandler, ...args: string[]) => Reply<RespValue>;
const exactly = (count: number, run: Run) => ({ fewest: count, most: count, run });
const atLeast = (count: number, run: Run) => ({ fewest: count, most: Infinity, run });

/** How many arguments a command takes, and what it does with them. */
const COMMANDS = new Map(
  Object.entries({
    GET: exactly(1, ({ keys }, key) => keys.text(key)),
    SET: atLeast(2, set),
    MGET: atLeast(1, ({ keys }, ...names) => names.map((key) => keys.text(key, () => null))),
    MSET: atLeast(2, ({ keys }, ...pairs) => {
      if (pairs.length % 2 !== 0) wrongNumber("mset");
      for (let at = 0; at < pairs.length; at += 2) keys.put(String(pairs[at]), own(String(pairs[at + 1])));
      return OK;
    }),
    INCR: exactly(1, ({ keys }, key) => increase(keys, key, 1)),
    DECR: exactly(1, ({ keys }, key) => increase(keys, key, -1)),
    INCRBY: exactly(2, ({ keys }, key, by) => increase(keys, key, integer(by))),

    LPUSH: atLeast(2, ({ keys }, key, ...items) =>
      keys.list(key, (list) => list.unshift(...items.map(own).toReversed())),
    ),
    RPUSH: atLeast(2, ({ keys }, key, ...items) => keys.list(key, (list) => list.push(...items.map(own)))),
    LPOP: exactly(1, ({ keys }, key) => keys.list(key, (list) => list.shift() ?? null)),
    LLEN: exactly(1, ({ keys }, key) => keys.list(key, (list) => list.length)),
    LRANGE: exactly(3, ({ keys }, key, first, last) =>
      keys.list(key, (list) => list.slice(integer(first), integer(last) + 1 || undefined)),
    ),

    DEL: atLeast(1, ({ keys }, ...names) => names.filter((key) => keys.get(key) && keys.delete(key)).length),
    EXISTS: atLeast(1, ({ keys }, ...names) => names.filter((key) => keys.get(key)).length),
    TYPE: exactly(1, ({ keys }, key) => Symbol(TYPES[typeof keys.get(key)?.value])),
    EXPIRE: exactly(2, ({ keys }, key, seconds) => expire(keys, key, Date.now() + integer(seconds) * 1_000)),
    PEXPIRE: exactly(2, ({ keys }, key, ms) => expire(keys, key, Date.now() + integer(ms))),
    PERSIST: exactly(1, ({ keys }, key) => (timeLeft(keys, key, 1) < 0 ? 0 : expire(keys, key, Infinity))),
    TTL: exactly(1, ({ keys }, key) => timeLeft(keys, key, 1_000)),
    PTTL: exactly(1, ({ keys }, key) => timeLeft(keys, key, 1)),
    DBSIZE: exactly(0, ({ keys }) => keys.size),
    FLUSHALL: atLeast(0, ({ keys }) => (keys.clear(), OK)),

    PUBLISH: exactly(2, ({ server }, channel, content) => {
      const members = server.channels.get(channel) ?? new Set();
      members.forEach((member) => void member.tell("message", channel, content));
      return members.size;
    }),
    SUBSCRIBE: atLeast(1, (client, ...names) => names.forEach((name) => client.join(name))),
    UNSUBSCRIBE: atLeast(0, (client, ...names) => {
      const left = names.length > 0 ? names : [...client.channels];
      for (const name of left) void client.tell("unsubscribe", name, client.leave(name));
      return left.length > 0 ? undefined : ["unsubscribe", null, 0];
    }),

    PING: atLeast(0, ({ channels }, text?: string) => (channels.size > 0 ? ["pong", text ?? ""] : (text ?? PONG))),
    ECHO: exactly(1, (_client, text) => text),
    SELECT: exactly(1, (_client, index) => (integer(index) === 0 ? OK : fail("ERR DB index is out of range"))),
    QUIT: atLeast(0, ({ connection }) => (connection.shutdown("read"), OK)),
    HELLO: atLeast(0, (_client, version) => (version > "2" ? fail("NOPROTO unsupported protocol version") : ABOUT)),
    // Clients ask these before they begin, and need no answer.
    CLIENT: atLeast(1, () => OK),
    COMMAND: atLeast(0, () => []),
    CONFIG: atLeast(1, (_client, _get, ...names) => names.flatMap((name) => [name, ""])),
  }),
);

const PONG = Symbol("PONG");
const ABOUT = ["server", "redis", "version", "7.0.0", "proto", 2, "mode", "standalone", "role", "master"];
const TYPES: Partial<Record<string, string>> = { string: "string", object: "list", undefined: "none" };

function set({ keys }: RedisHandler, key: string, value: string, ...options: string[]): RespValue {
  let [condition, expiry, get]: [string?, number?, boolean?] = [];
  for (let at = 0; at < options.length; at++) {
    const option = String(options[at]).toUpperCase();
    if (option === "GET") get = true;
    else if (/^[NX]X$/.test(option) && condition === undefined) condition = option;
    else if (option === "KEEPTTL" && expiry === undefined) expiry = keys.get(key)?.expiry ?? Infinity;
    else if (/^[EP]X$/.test(option) && expiry === undefined) {
      const time = integer(options[++at] ?? fail("ERR syntax error"));
      if (time <= 0) fail("ERR invalid expire time in 'set' command");
      expiry = Date.now() + time * (option === "EX" ? 1_000 : 1);
    } else fail("ERR syntax error");
  }
  const old = get ? keys.text(key) : null;
  if (condition !== undefined && condition === (keys.get(key) ? "NX" : "XX")) return old;
  keys.put(key, own(value), expiry);
  return get ? old : OK;
}

function increase(keys: Keyspace, key: string, by: number): number {
  const sum = integer(keys.text(key) ?? "0") + by;
  if (!Number.isSafeInteger(sum)) fail("ERR increment or decrement would overflow");
  keys.put(key, String(sum), keys.get(key)?.expiry);
  return sum;
}

function expire(keys: Keyspace, key: string, expiry: number): number {
  const entry = keys.get(key);
  if (entry !== undefined) entry.expiry = expiry;
  return entry === undefined ? 0 : 1;
}

/** In units of so many milliseconds; -1 is for ever, -2 is no such key. */
function timeLeft(keys: Keyspace, key: string, unit: number): number {
  const entry = keys.get(key);
  if (entry === undefined) return -2;
  return entry.expiry === Infinity ? -1 : Math.round((entry.expiry - Date.now()) / unit);
}

function integer(text: string): number {
  const value = /^(0|-?[1-9]\d*)$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(value) ? value : fail("ERR value is not an integer or out of range");
}

/** The same text with memory of its own: what is cut out of a chunk keeps all of it, unless it is very short. */
function own(text: string): string {
  return text.length < 13 ? text : Buffer.from(text, "latin1").toString("latin1");
}

function fail(message: string): never {
  throw new RespError(message);
}

const wrongType = (): never => fail("WRONGTYPE Operation against a key holding the wrong kind of value");
const wrongNumber = (of: string): never => fail(`ERR wrong number of arguments for '${of.toLowerCase()}' command`);
const unknownCommand = (name: string, args: readonly string[]): never =>
  fail(`ERR unknown command '${name}', with args beginning with: ${args.map((arg) => `'${arg}' `).join("")}`);

if (import.meta.main) {
  await using server = new KeyValueServer({ port: portOr(6380) }, RedisHandler);
  await start(server, ({ host, port }) => `  redis-cli -h ${host} -p ${port}`);
}
