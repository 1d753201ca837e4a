import type { Decoder } from "@socketserver/framing";

/** Give a decoder these chunks, text as its UTF-8, and read every message that they complete. Its errors come out. */
export function readAll<In>(decoder: Decoder<In>, ...chunks: readonly (string | Uint8Array)[]): In[] {
  const messages: In[] = [];
  for (const chunk of chunks) {
    decoder.push(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    for (let message = decoder.read(); message !== undefined; message = decoder.read()) messages.push(message);
  }
  return messages;
}
