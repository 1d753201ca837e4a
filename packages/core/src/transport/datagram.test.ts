import { describe, expect, test } from "vitest";

import { RecordingOwner } from "../../test/support/recording-owner.ts";
import { DatagramPort } from "./datagram-port.ts";
import { Datagram } from "./datagram.ts";

/** A datagram from nowhere: nobody listens for its answers. */
function datagram(packet = "packet"): Datagram {
  const port = new DatagramPort(
    { host: "127.0.0.1", port: 0 },
    { requestQueueSize: 1, maxPacketSize: 100 },
    new RecordingOwner<Datagram>(),
  );
  return new Datagram(Buffer.from(packet), port, { host: "192.0.2.1", port: 1 });
}

describe("Datagram", () => {
  test("counts its packet as read", () => {
    expect(datagram("12345")).toMatchObject({
      bytesRead: 5,
      bytesWritten: 0,
      closeReason: undefined,
      outcome: undefined,
    });
  });

  test("closes once, with the first reason that was concluded", () => {
    const request = datagram();
    const reasons: string[] = [];
    request.onClosed((reason) => reasons.push(reason));
    request.conclude("handler-error");
    request.conclude("done");
    expect([request.outcome, request.closeReason]).toEqual(["handler-error", undefined]);
    request.destroy();
    request.destroy();
    request.cut("drain");
    expect(request.closeReason).toBe("handler-error");
    request.onClosed((reason) => reasons.push(`later ${reason}`));
    expect(reasons).toEqual(["handler-error", "later handler-error"]);
  });

  test("is done if nobody says otherwise", () => {
    const request = datagram();
    request.destroy();
    expect(request.closeReason).toBe("done");
  });

  test("aborts its signal when it is cut", () => {
    const request = datagram();
    const { signal } = request;
    request.cut("deadline");
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toMatchObject({ code: "ERR_SOCKETSERVER_DEADLINE" });
    expect(request.closeReason).toBe("deadline");
  });

  test("aborts its drainSignal when the server begins to drain, and stays open", () => {
    const request = datagram();
    request.drain();
    expect(request.drainSignal.aborted).toBe(true);
    expect(request.signal.aborted).toBe(false);
    expect(request.closeReason).toBeUndefined();
  });

  test("rejects an answer that cannot be sent, counts none of it, and lingers for nothing", async () => {
    const request = datagram();
    await expect(request.reply("x")).rejects.toMatchObject({ code: "ERR_SOCKETSERVER_SERVER_CLOSED" });
    expect(request.bytesWritten).toBe(0);
    await request.linger();
  });
});
