import { UDPServer } from "@socketserver/core";
import { dial, leakCheck, runHandler, serve } from "@socketserver/testing";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { Program } from "../../packages/core/test/support/program.ts";
import { SyslogHandler } from "../syslog-server.ts";
import { needs } from "../../packages/core/test/support/peers.ts";
import { addressOf, runExample } from "./support/run-example.ts";

beforeEach(() => leakCheck());

describe("SyslogHandler", () => {
  beforeEach(() => {
    const log = vi.spyOn(console, "log").mockReturnValue();
    return () => log.mockRestore();
  });

  /** What it prints for a message. */
  async function printed(message: string): Promise<string> {
    const bytes = Buffer.from(message);
    const { output, closeReason } = await runHandler(
      SyslogHandler,
      Buffer.concat([Buffer.from(`${bytes.length} `), bytes]),
    );
    expect(output).toHaveLength(0);
    expect(closeReason).toBe("peer-end");
    return vi.mocked(console.log).mock.calls.join("\n");
  }

  test.each([
    {
      message: "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff'su root' failed",
      line: "auth.crit mymachine.example.com su: 'su root' failed",
    },
    {
      message: '<165>1 - host evntslog - ID47 [a@1 b="c\\]d"][e@2] An event',
      line: "local4.notice host evntslog: An event",
    },
    { message: "<0>1 - - - - - -", line: "kern.emerg - -: " },
    { message: "<191>1 - - - - - - ", line: "local7.debug - -: " },
    { message: "<14>1 - host app - - - \u001b[31mtwo\r\nlines\u009b\n", line: "user.info host app:  [31mtwo lines " },
  ])("prints $message", async ({ message, line }) => {
    expect(await printed(message)).toBe(line);
  });

  test.each([
    "<34>Oct 11 22:14:15 mymachine su: failed",
    "<192>1 - - - - - -",
    "<14>1 - - - - - [a",
    "<14>1 - - - - -",
    "<>1 - - - - - -",
  ])("prints nothing of %j, which is no message of RFC 5424", async (message) => {
    expect(await printed(message)).toBe("[192.0.2.1:50000] Refused: no message of RFC 5424");
  });

  test("takes a datagram for one message", async () => {
    await using running = await serve(SyslogHandler, { server: UDPServer });
    const socket = createSocket("udp4");
    for (const packet of ["<14>1 - host app - - - a message\n", "", "14 <14>1 - - - - - -"]) {
      socket.send(packet, running.port, "127.0.0.1");
    }
    await running.closedCount(3);
    socket.close();
    const refused = expect.stringMatching(/^\[127\.0\.0\.1:\d+\] Refused: /);
    expect(vi.mocked(console.log).mock.calls).toEqual([["user.info host app: a message"], [refused], [refused]]);
  });
});

describe("syslog-server.ts", () => {
  test("takes messages over TCP and UDP on one port", async () => {
    await using program = runExample("syslog-server.ts");
    const address = await addressOf(program);
    await program.linesMatching(new RegExp(`^\\[LISTENING\\] Server is listening on 127.0.0.1:${address.port}$`), 2);
    await using client = await dial(address);
    await client.sendAll("<14>1 - host app - - - over TCP\n");
    await program.line(/^user\.info host app: over TCP$/);
    const socket = createSocket("udp4");
    socket.send("<14>1 - host app - - - over UDP", address.port, address.host);
    await program.line(/^user\.info host app: over UDP$/);
    socket.close();
    // Idle: the server lets it go at once.
    const end = program.end("SIGINT");
    expect(await client.recv()).toHaveLength(0);
    await client.close();
    expect(await end).toMatchObject({ code: 0, stderr: "" });
  });

  test("ends with code 1 if the port is taken for UDP", async () => {
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    await using program = runExample("syslog-server.ts", [String(socket.address().port)]);
    const { code, stderr } = await program.end();
    socket.close();
    expect(stderr).toMatch(/^Cannot listen on 127\.0\.0\.1:\d+: EADDRINUSE: .*\n$/);
    expect(code).toBe(1);
  });

  describe("with logger", () => {
    beforeEach(needs("logger"));

    test("prints lines to try that work as they are", async () => {
      await using program = runExample("syslog-server.ts");
      for (const [line] of await program.linesMatching(/^ {2}logger .*$/, 2)) {
        await using shell = new Program("sh", ["-c", `${line}' from '${line.includes("-T") ? "TCP" : "UDP"} -t shop`]);
        expect(await shell.end()).toMatchObject({ code: 0, stderr: "" });
      }
      await program.line(/^user\.notice \S+ shop: hello from TCP$/);
      await program.line(/^user\.notice \S+ shop: hello from UDP$/);
      expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
    });

    test("takes messages that end with a line feed", async () => {
      await using program = runExample("syslog-server.ts");
      const { host, port } = await addressOf(program);
      await using logger = new Program("logger", [
        "-n",
        host,
        "-P",
        String(port),
        "-T",
        "-p",
        "local7.err",
        "-t",
        "shop",
      ]);
      logger.input("no more apples\nno more pears\n");
      expect(await logger.end()).toMatchObject({ code: 0, stderr: "" });
      await program.line(/^local7\.err \S+ shop: no more apples$/);
      await program.line(/^local7\.err \S+ shop: no more pears$/);
      expect(await program.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
    });
  });
});
