import type { CloseReason } from "../close-reason.ts";
import type { ServerRequest } from "../transport/server-request.ts";
import type { RequestControl } from "./request-control.ts";
import type { RequestRecord } from "./request-record.ts";
import type { RequestRunner } from "./request-runner.ts";

/** Reaches a request that runs on this side. */
export class LocalControl<Request extends ServerRequest> implements RequestControl {
  readonly #runner: RequestRunner<Request>;
  readonly #record: RequestRecord;
  readonly #request: Request;

  constructor(runner: RequestRunner<Request>, record: RequestRecord, request: Request) {
    this.#runner = runner;
    this.#record = record;
    this.#request = request;
  }

  drain(): void {
    this.#request.drain();
  }

  cut(reason: CloseReason): void {
    this.#runner.cut(this.#record, this.#request, reason);
  }
}
