import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** Somebody else's MessagePack. It is required, because the declarations that it comes with need those of a browser. */
export const { encode, decode } = require("@msgpack/msgpack") as {
  readonly encode: (message: unknown) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
};
