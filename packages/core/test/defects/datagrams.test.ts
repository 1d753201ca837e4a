import { leakCheck } from "@socketserver/testing";
import { createSocket } from "node:dgram";
import { on, once } from "node:events";
import { beforeEach, describe, expect, test } from "vitest";

import { DATAGRAM_CELLS, serveIn } from "../conformance/matrix.ts";
import { ClosedPacketWriterHandler, SelectiveHandler } from "../fixtures/packet-handlers.ts";

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
      await using running = await serveIn(cell, ClosedPacketWriterHandler);
      const client = createSocket("udp4");
      client.send("anything", running.port, "127.0.0.1");
      const replies = on(client, "message") as AsyncIterable<readonly [Buffer]>;
      const heard: string[] = [];
      for await (const [packet] of replies) if (heard.push(packet.toString()) === 2) break;
      expect(heard).toEqual(["ERR_SOCKETSERVER_WRITE_AFTER_END", "kept"]);
      client.close();
    });
  }
});
