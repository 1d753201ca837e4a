import names from "node:dns/promises";
import { syncBuiltinESMExports } from "node:module";

/** What a name stands for: addresses, or what will tell. */
type Entry = readonly string[] | Promise<readonly string[]>;

/** A question that was asked. */
export interface Question {
  readonly name: string;
  readonly options: unknown;
}

/**
 * The name service of this process, until it is disposed: names stand for what a test says, and for nothing otherwise.
 *
 * The machine's own knows no name with addresses of both families everywhere, and none that it takes long to find.
 */
export class NameService implements Disposable {
  /** Every question so far. */
  readonly questions: Question[] = [];
  readonly #entries: Readonly<Record<string, Entry>>;
  readonly #original = names.lookup;

  constructor(entries: Readonly<Record<string, Entry>>) {
    this.#entries = entries;
    replaceLookup((name, options) => this.#lookup(name, options));
  }

  /** The names that were asked for. */
  get asked(): readonly string[] {
    return this.questions.map(({ name }) => name);
  }

  [Symbol.dispose](): void {
    replaceLookup(this.#original);
  }

  async #lookup(name: string, options: unknown): Promise<object[]> {
    this.questions.push({ name, options });
    const addresses = await this.#entries[name];
    if (addresses !== undefined)
      return addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
    throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), {
      code: "ENOTFOUND",
      errno: -3008,
      syscall: "getaddrinfo",
    });
  }
}

function replaceLookup(lookup: (name: string, options: never) => Promise<unknown>): void {
  Object.assign(names, { lookup });
  // Else those who import it by name would not see the change.
  syncBuiltinESMExports();
}
