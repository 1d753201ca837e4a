/**
 * A calculator over TCP (RFC 9293): one calculation a line, as JSON (RFC 8259), and one answer a line: `{"result":5}` or `{"error":"..."}`.
 *
 * Shows messages that a schema checks, here one of Zod: `handleMessage()` gets nothing else, and its types are those of the schema, which
 * calculator-client.ts shares. What does not fit is answered, too, and the client may go on.
 *
 *     node examples/json-calculator.ts           (or: node examples/json-calculator.ts 6000, or PORT=6000)
 *     printf '{"left":2,"operator":"+","right":3}\n' | nc -N 127.0.0.1 5059
 */
import { AsyncTCPServer } from "@socketserver/core";
import { MessageRequestHandler, type ProtocolError } from "@socketserver/framing";

import { calculator, type Answer, type Calculation } from "./calculator-protocol.ts";
import { portOr, start } from "./start.ts";

export class CalculatorHandler extends MessageRequestHandler(calculator.server) {
  override handleMessage({ left, operator, right }: Calculation): Answer {
    if (operator === "/" && right === 0) return { error: "division by zero" };
    const result = { "+": left + right, "-": left - right, "*": left * right, "/": left / right }[operator];
    return Number.isFinite(result) ? { result } : { error: "the result is too large" };
  }

  /** Returning means: go on behind the wrong message. Where a line that is too long ends is not known, so that one is the last. */
  override async handleProtocolError({ message, issues }: ProtocolError): Promise<void> {
    const details = issues.map((issue) => [...issue.path, issue.message].join(": "));
    await this.send({ error: [message, ...details].join("; ") });
  }
}

if (import.meta.main) {
  await using server = new AsyncTCPServer({ port: portOr(5059) }, CalculatorHandler);
  await start(server, ({ host, port }) => {
    return `  printf '{"left":2,"operator":"+","right":3}\\n' | nc -N ${host} ${port}`;
  });
}
