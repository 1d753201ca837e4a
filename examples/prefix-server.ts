/**
 * The acknowledging server for TCP (RFC 9293) with a length before each message instead of a delimiter behind it, and in threads.
 *
 * Shows that a framing is one line: the handler is that of delimiter-server.ts, with another codec. Now a message may contain anything.
 *
 *     node examples/prefix-server.ts             (or: node examples/prefix-server.ts 6000, or PORT=6000)
 *     printf '\0\0\0\5hello' | nc -N 127.0.0.1 5058 | tail -c +5     (or the line for Python that the server prints)
 */
import { ThreadingTCPServer } from "@socketserver/core";
import { lengthPrefixed } from "@socketserver/framing";

import { AckHandler } from "./delimiter-server.ts";
import { portOr, start } from "./start.ts";

/** 4 bytes of length in network order, and UTF-8 of at most 1024 bytes: `struct.pack(">L", len(data)) + data` in Python. */
const prefixed = lengthPrefixed({ maxLength: 1024 }).text();

export class PrefixAckHandler extends AckHandler {
  override readonly codec = prefixed;
}

if (import.meta.main) {
  await using server = new ThreadingTCPServer({ port: portOr(5058) }, PrefixAckHandler);
  await start(server, ({ host, port }) => {
    const ask = `s.sendall(struct.pack(">L", 5) + b"hello"); f = s.makefile("rb")`;
    const answer = `print(f.read(struct.unpack(">L", f.read(4))[0]).decode())`;
    return `  python3 -c 'import socket, struct; s = socket.create_connection(("${host}", ${port})); ${ask}; ${answer}'`;
  });
}
