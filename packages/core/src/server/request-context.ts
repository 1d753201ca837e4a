import { AsyncLocalStorage } from "node:async_hooks";

import type { RequestRecord } from "./request-record.ts";

/**
 * Inside which request the present code runs. It answers one question: whether `close()` or `shutdown()` was called by a handler or hook of a
 * request, which must then not be waited for.
 */
export const requestContext = new AsyncLocalStorage<RequestRecord>();
