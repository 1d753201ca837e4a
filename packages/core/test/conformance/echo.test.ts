import { ForkingTCPServer, HandOver, type WorkerMembers } from "@socketserver/core";
import { dial, leakCheck, serve } from "@socketserver/testing";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { beforeEach, describe, expect, test } from "vitest";

import { ExitingHandler } from "../fixtures/failing-handlers.ts";
import { SocketKindHandler } from "../fixtures/socket-kind-handler.ts";
import { CELLS, COMING, WORKER_CELLS, serveIn } from "./matrix.ts";

/** The bytes of Python's test. */
const LINE = "hello world\n";

beforeEach(() => leakCheck());

describe("echo", () => {
  for (const cell of CELLS) {
    test(`${cell.id} ${cell.name} echoes a line to three clients, one after another, shuts down and closes`, async () => {
      await using running = await serveIn(cell);
      for (let client = 0; client < 3; client++) {
        expect(await cell.ask(running.address, LINE)).toEqual(Buffer.from(LINE));
      }
      await running.server.shutdown();
      await running.served;
      expect(running.server.state).toBe("listening");
      const report = await running.server.close();
      expect(running.server.state).toBe("closed");
      expect(running.server.activeRequests).toBe(0);
      expect(report.cut).toEqual([]);
      expect(running.requests).toHaveLength(3);
      expect(running.errors).toEqual([]);
    });
  }

  for (const { id, name } of COMING) test.todo(`${id} coming: ${name} echoes a line to three clients`);
});

describe("handOver", () => {
  for (const cell of WORKER_CELLS) {
    test(`${cell.id} ${cell.name} tells how its requests reach the workers, and that is how they do`, async () => {
      await using running = await serveIn(cell, cell.stream ? SocketKindHandler : cell.echoHandler);
      const { handOver } = running.server as unknown as WorkerMembers;
      const cannotMove = cell.relayed || !cell.stream;
      const moves = {
        forking: HandOver.send,
        threading: cell.name.includes("Unix") ? HandOver.relay : HandOver.transfer,
      } as const;
      expect(handOver).toBe(cannotMove ? HandOver.relay : moves[cell.concurrency as keyof typeof moves]);
      if (!cell.stream) return;
      const socket = String(await cell.ask(running.address, "which\n"));
      expect(socket).toBe(handOver === HandOver.relay ? "no net.Socket" : "net.Socket");
    });
  }
});

/** A child of somebody else's, which ends when it is told to, or at once. */
function strangersChild(script: string): ChildProcess {
  return spawn(process.execPath, ["-e", script], { stdio: ["pipe", "ignore", "inherit"] });
}

describe("ForkingTCPServer", () => {
  test("SS-03 leaves a stranger's children alone, whose exit codes can still be collected", async () => {
    const waiting = strangersChild("process.stdin.on('end', () => process.exit(7)).resume()");
    const ended = once(waiting, "exit");
    const options = { forking: { processes: 2 } };
    const running = await serve(ExitingHandler, { server: ForkingTCPServer, options });
    const ending = strangersChild("process.exit(7)");
    const firstEnd = once(ending, "exit");
    for (let lost = 0; lost < 2; lost++) {
      const exited = once(running.server as never, "workerExit");
      await using client = await dial(running.address);
      await exited;
      await client.recv().catch(() => "reset");
    }
    expect(await firstEnd).toEqual([7, null]);
    await running.close();
    expect(running.server.workers).toEqual([]);
    expect({ code: waiting.exitCode, signal: waiting.signalCode }).toEqual({ code: null, signal: null });
    waiting.stdin?.end();
    expect(await ended).toEqual([7, null]);
  });
});
