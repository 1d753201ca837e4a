/**
 * A receiver for Python's `logging.handlers.SocketHandler`, over TCP (RFC 9293): 4 bytes of length before each record, and the record as JSON (RFC 8259).
 *
 * Shows a protocol that others have defined: a framing, a format and a schema. Python's own format is pickle, which runs code of the sender's choice when
 * it is loaded: never load one that a stranger sent. So the sender overrides one method; a pickle is refused, and nobody looks into it.
 *
 *     node examples/log-receiver.ts              (or: node examples/log-receiver.ts 6000, or PORT=6000; Python's port is 9020)
 *     python3 sender.py                          (the program below; the server prints it, too)
 */
import { AsyncTCPServer, formatAddress, type InternetAddress } from "@socketserver/core";
import { MessageRequestHandler, lengthPrefixed, type ProtocolError } from "@socketserver/framing";
import { z } from "zod";
import { portOr, start } from "./start.ts";

const sender = ({ host, port }: InternetAddress): string => `  python3 -c '
import json, logging, logging.handlers, struct
class JSONHandler(logging.handlers.SocketHandler):
    def makePickle(self, record):
        fields = {"level": record.levelname, "name": record.name, "message": self.format(record)}
        data = json.dumps(fields).encode()
        return struct.pack(">L", len(data)) + data
logging.getLogger().addHandler(JSONHandler("${host}", ${port}))
logging.getLogger("shop").warning("no more %s", "apples")'`;

const LogRecord = z.object({ level: z.string(), name: z.string(), message: z.string() });

export class LogHandler extends MessageRequestHandler(lengthPrefixed().json(LogRecord)) {
  override handleMessage({ level, name, message }: z.output<typeof LogRecord>): void {
    console.log(`${level} ${name}: ${message}`.replaceAll(/\p{Cc}+/gu, " "));
  }
  override handleProtocolError({ message }: ProtocolError): void {
    console.log(`[${formatAddress(this.clientAddress)}] Refused: ${message}`);
  }
}

if (import.meta.main) {
  await using server = new AsyncTCPServer({ port: portOr(5061) }, LogHandler, { idleTimeoutMs: 86_400_000 });
  await start(server, sender);
}
