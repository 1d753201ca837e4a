import { SocketServerError } from "@socketserver/core";

import { ClientErrorCode } from "../client-error-code.ts";
import type { Patience } from "../patience.ts";
import { Waiter } from "../waiter.ts";
import type { Channel } from "./channel.ts";

/** Run what a connection begins with; rejects if that throws, takes too long, or loses the connection. */
export function runSetup<In, Out>(
  channel: Channel<In, Out>,
  setup: (channel: Channel<In, Out>) => void | Promise<void>,
  patience: Patience,
): Promise<void> {
  const problem = `Cannot connect: setup() did not end within ${patience.timeoutMs} ms`;
  const timedOut = (): Error => new SocketServerError(ClientErrorCode.connectTimeout, problem);
  const waiter = new Waiter<void>(patience, { timedOut, confirm: channel.conversation.confirm });
  channel.conversation.onEnd(({ code, why, cause }) => {
    waiter.reject(cause ?? new SocketServerError(code, `Cannot connect: ${why} before setup() had ended`));
  });
  const run = async (): Promise<void> => setup(channel);
  run().then(
    () => waiter.resolve(),
    (error: unknown) => waiter.reject(error),
  );
  return waiter.promise;
}
