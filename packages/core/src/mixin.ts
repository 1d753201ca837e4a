/**
 * The types of mixins, and the static field by which a class says what it adds.
 *
 * A mixin is a function from a server class to a subclass of it. It changes one word of the life of a request. What TypeScript cannot
 * add up by itself (the members and the options of a whole chain) is added up by {@link Mixed}.
 *
 * @module
 */

import { ErrorCode, typeError } from "./errors.ts";
import type { OptionRules } from "./option-rules.ts";
import type { BaseServer } from "./server/base-server.ts";

/** Any class of servers. The parameters are `any` because a mixin constructor must accept those of every base (TS2545). */
export type ServerConstructor = abstract new (address: any, handler: any, options?: any) => BaseServer;

/** The address that a class of servers takes. */
export type AddressOf<Base extends ServerConstructor> = ConstructorParameters<Base>[0];

/** The handler class that a class of servers takes. */
export type HandlerOf<Base extends ServerConstructor> = ConstructorParameters<Base>[1];

/** The options that a class of servers takes. */
export type OptionsOf<Base extends ServerConstructor> = NonNullable<ConstructorParameters<Base>[2]>;

/** Options as the last parameter: required exactly if one of them is. */
export type OptionsTail<Options> = {} extends Options ? [options?: Options] : [options: Options];

/** The static side of a class of servers. */
export type Statics<Base> = { [Key in Exclude<keyof Base, "prototype">]: Base[Key] };

/** A server class with what a mixin adds: `Added` members, and `Options`, required if one of them is. */
export type Mixed<Base extends ServerConstructor, Added, Options = unknown> = (new (
  address: AddressOf<Base>,
  handler: HandlerOf<Base>,
  ...options: OptionsTail<OptionsOf<Base> & Options>
) => InstanceType<Base> & Added) &
  Statics<Base>;

/** What a class adds to the servers that extend it, as its own static field {@link serverExtension}. */
export interface ServerExtension {
  /** How errors call it: the name of the mixin or class. */
  readonly name: string;
  /**
   * The words that it replaces instead of adding to them with `super`. Two extensions that replace the same word cannot be combined.
   * @defaultValue none
   */
  readonly replaces?: readonly string[];
  /** The rules of its options, nested under its own key. */
  readonly options?: OptionRules;
}

/** The name of the static field that holds a class's {@link ServerExtension}. */
export const serverExtension: unique symbol = Symbol.for("socketserver.extension");

/** Every extension along the chain of a server class, the outermost first. */
export function extensionsOf(serverClass: object): ServerExtension[] {
  const extensions: ServerExtension[] = [];
  for (
    let current: object | null = serverClass;
    current !== null;
    current = Object.getPrototypeOf(current) as object | null
  ) {
    if (Object.hasOwn(current, serverExtension)) {
      extensions.push((current as Record<typeof serverExtension, ServerExtension>)[serverExtension]);
    }
  }
  return extensions;
}

/**
 * Check that no two extensions replace the same word, or have options under the same key.
 *
 * @throws `TypeError` `ERR_SOCKETSERVER_MIXIN_CONFLICT` that names both.
 */
export function checkReplacements(extensions: readonly ServerExtension[]): void {
  const replacedBy = new Map<string, string>();
  for (const { name, replaces = [], options = {} } of extensions) {
    const claims = [...replaces.map((word) => `${word}()`), ...Object.keys(options).map((key) => `options.${key}`)];
    for (const word of claims) {
      const other = replacedBy.get(word);
      if (other !== undefined) {
        throw typeError(
          ErrorCode.mixinConflict,
          `Cannot create server: ${other} and ${name} both replace ${word}; use one of them`,
        );
      }
      replacedBy.set(word, name);
    }
  }
}
