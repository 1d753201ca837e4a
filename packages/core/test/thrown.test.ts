import { AsyncTCPServer, BaseRequestHandler, type Connection } from "@socketserver/core";
import { leakCheck, talk } from "@socketserver/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { THROWN_KINDS, thrown } from "./fixtures/thrown.ts";
import { eventually } from "./support/eventually.ts";
import { soon } from "./support/soon.ts";

beforeEach(() => leakCheck());

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(THROWN_KINDS)("an error of closeRequest(): %s", (kind) => {
  class ThrowingServer extends AsyncTCPServer {
    override closeRequest(request: Connection): void {
      void super.closeRequest(request);
      throw thrown(kind);
    }
  }

  test.each([
    ["while nobody listens", (): void => {}],
    [
      "when who listens throws it again",
      (server: AsyncTCPServer): void => {
        server.on("requestError", (error) => {
          throw error;
        });
      },
    ],
  ])("is printed %s, and the request ends", async (_when, listen) => {
    const print = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const server = new ThrowingServer({ port: 0 }, BaseRequestHandler);
    listen(server);
    await server.listen();
    const served = server.serveForever();
    expect(String(await talk(server.serverAddress, ""))).toBe("");
    await eventually(() => expect(server.activeRequests).toBe(0));
    expect(print).toHaveBeenCalledOnce();
    await soon(server.close());
    await served;
  });
});
