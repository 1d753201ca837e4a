import { createSocket } from "node:dgram";
import { once } from "node:events";

import { describe, expect, test } from "vitest";

import { RecordingOwner } from "../../test/support/recording-owner.ts";
import type { Address, InternetAddress } from "../address.ts";
import { DatagramPort } from "../transport/datagram-port.ts";
import type { Datagram } from "../transport/datagram.ts";
import type { HandlerInstance } from "./base-request-handler.ts";
import { DatagramRequestHandler } from "./datagram-request-handler.ts";
import { runHandler } from "./run-handler.ts";

/** Send one datagram to a port and handle it; the first datagram that comes back, "(nothing)" if the handler sends none. */
async function answerOf(
  Handler: new (request: Datagram, clientAddress: Address, server: never) => HandlerInstance,
  packet: string,
): Promise<{ answer: string; request: Datagram }> {
  const port = new DatagramPort(
    { host: "127.0.0.1", port: 0 },
    { requestQueueSize: 1, maxPacketSize: 65_535 },
    new RecordingOwner<Datagram>(),
  );
  const bound = (await port.open()) as InternetAddress;
  const client = createSocket("udp4");
  try {
    const message = once(client, "message");
    client.send(packet, bound.port, bound.host);
    const [request, clientAddress] = await port.queue.take();
    await runHandler(new Handler(request, clientAddress, {} as never)).catch(() => {});
    await port.sendTo("(nothing)", clientAddress);
    return { answer: String((await message)[0]), request };
  } finally {
    client.close();
    await port.close();
  }
}

describe("DatagramRequestHandler", () => {
  test("answers what was written in one datagram", async () => {
    class Upper extends DatagramRequestHandler {
      override async handle(): Promise<void> {
        for await (const line of this.rfile) await this.wfile.write(line.toString().toUpperCase());
      }
    }
    const { answer, request } = await answerOf(Upper, "one\ntwo");
    expect(answer).toBe("ONE\nTWO");
    expect(request.bytesWritten).toBe(7);
  });

  test("reads an empty packet as the end", async () => {
    class Length extends DatagramRequestHandler {
      override async handle(): Promise<void> {
        await this.wfile.write(`${(await this.rfile.read()).length} ${this.packet.length}`);
      }
    }
    expect((await answerOf(Length, "")).answer).toBe("0 0");
  });

  test("sends nothing if nothing was written", async () => {
    expect((await answerOf(DatagramRequestHandler, "x")).answer).toBe("(nothing)");
  });

  test("sends an empty datagram if that was written", async () => {
    class Empty extends DatagramRequestHandler {
      override async handle(): Promise<void> {
        await this.wfile.write("");
      }
    }
    expect((await answerOf(Empty, "x")).answer).toBe("");
  });

  test("sends nothing after handle() has failed", async () => {
    class Failing extends DatagramRequestHandler {
      override async handle(): Promise<void> {
        await this.wfile.write("half");
        throw new Error("broken");
      }
    }
    expect((await answerOf(Failing, "x")).answer).toBe("(nothing)");
  });

  test("keeps what was written although the handler reuses its buffer", async () => {
    class Reusing extends DatagramRequestHandler {
      override async handle(): Promise<void> {
        const buffer = Buffer.from("a");
        await this.wfile.write(buffer);
        buffer.write("b");
        await this.wfile.write(buffer);
      }
    }
    expect((await answerOf(Reusing, "x")).answer).toBe("ab");
  });

  test("may answer through the socket to others, and by itself", async () => {
    class Direct extends DatagramRequestHandler {
      override async handle(): Promise<void> {
        await this.socket.sendTo("direct", this.clientAddress);
      }
    }
    expect((await answerOf(Direct, "x")).answer).toBe("direct");
  });
});
