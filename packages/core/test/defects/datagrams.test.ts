import { DatagramRequestHandler } from "@socketserver/core";
import { leakCheck } from "@socketserver/testing";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { beforeEach, describe, expect, test } from "vitest";

import { DATAGRAM_CELLS, serveIn } from "../conformance/matrix.ts";

/** Answers `loud`, says nothing to `quiet` or an empty packet, and fails at `fail` with an answer half written. */
class SelectiveHandler extends DatagramRequestHandler {
  override async handle(): Promise<void> {
    const packet = this.packet.toString();
    if (packet === "loud") await this.wfile.write("answer");
    if (packet !== "fail") return;
    await this.wfile.write("half an ans");
    throw new Error("handle fails");
  }
}

beforeEach(() => leakCheck());

describe("DatagramRequestHandler.wfile", () => {
  for (const cell of DATAGRAM_CELLS) {
    test(`D12 ${cell.name}: nothing is sent if nothing was written or the handler threw`, async () => {
      await using running = await serveIn(cell, SelectiveHandler);
      const client = createSocket("udp4");
      const replies: string[] = [];
      client.on("message", (packet) => replies.push(packet.toString()));
      // One after another, so that a reply to an earlier packet would be the first to come.
      for (const [count, packet] of ["quiet", "", "fail"].entries()) {
        client.send(packet, running.port, "127.0.0.1");
        await running.closedCount(count + 1);
      }
      client.send("loud", running.port, "127.0.0.1");
      await once(client, "message");
      expect(replies).toEqual(["answer"]);
      expect(running.closedRequests.map(({ reason, bytesWritten }) => [reason, bytesWritten]).slice(0, 3)).toEqual([
        ["done", 0],
        ["done", 0],
        ["handler-error", 0],
      ]);
      expect(running.errors).toMatchObject([{ message: "handle fails" }]);
      client.close();
    });

    test(`D13 ${cell.name}: nothing is sent of what is written after close()`, async () => {
      const failures: unknown[] = [];
      class ClosedWriterHandler extends DatagramRequestHandler {
        override async handle(): Promise<void> {
          await this.wfile.write("kept");
          await this.wfile.close();
          await this.wfile.write("lost").catch((error: unknown) => failures.push(error));
        }
      }
      await using running = await serveIn(cell, ClosedWriterHandler);
      expect(await cell.ask(running.address, "anything")).toEqual(Buffer.from("kept"));
      expect(failures).toMatchObject([{ code: "ERR_SOCKETSERVER_WRITE_AFTER_END" }]);
    });
  }
});
