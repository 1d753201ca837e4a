import { integer } from "@socketserver/core";

/** The bound that every framing has. */
export interface FramingOptions {
  /**
   * Bytes of the longest message that is accepted, without its framing: an integer >= 1 or `Infinity`. A longer one is refused before it is kept, with
   * `too-big`. What is sent may be longer.
   * @defaultValue 65536
   */
  readonly maxLength?: number;
}

/** The rule of {@link FramingOptions}. */
export const MAX_LENGTH = integer({ defaultValue: 65_536, min: 1, unbounded: true });
