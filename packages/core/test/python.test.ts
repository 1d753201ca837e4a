/**
 * Python and TypeScript talk to each other: Python's plain sockets call our servers, and our `Connection` calls Python's `socketserver`.
 *
 * @module
 */
import {
  AsyncTCPServer,
  AsyncUDPServer,
  AsyncUnixStreamServer,
  Connection,
  ForkingTCPServer,
  ForkingUDPServer,
  ForkingUnixStreamServer,
  StreamReader,
  TCPServer,
  ThreadingTCPServer,
  ThreadingUDPServer,
  ThreadingUnixStreamServer,
  UDPServer,
  UnixStreamServer,
  type Address,
} from "@socketserver/core";
import { leakCheck, serve } from "@socketserver/testing";
import { once } from "node:events";
import { connect } from "node:net";
import { beforeEach, describe, expect, test } from "vitest";

import { EchoLineHandler, EchoPacketHandler } from "./fixtures/echo-handlers.ts";
import { needs } from "./support/peers.ts";
import { Program } from "./support/program.ts";
import { temporaryPath } from "./support/temporary-path.ts";

beforeEach(() => leakCheck());
beforeEach(needs("python3"));

/** Of every length around one read of a socket, and not all of it ASCII. */
const LINES = ["hello\n", "grüße\n", "\n", `${"x".repeat(60_000)}\n`];

/** One connection, or one datagram, for each line that is read from stdin; prints the answers. */
const CLIENT = `
import json, socket, sys

kind, address = sys.argv[1], json.loads(sys.argv[2])
target = address["path"] if kind == "unix" else (address["host"], address["port"])
family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
for line in json.load(sys.stdin):
    if kind == "udp":
        with socket.socket(family, socket.SOCK_DGRAM) as client_socket:
            client_socket.settimeout(5)
            client_socket.sendto(line.encode(), target)
            answer = client_socket.recv(65536)
    else:
        with socket.socket(family, socket.SOCK_STREAM) as client_socket:
            client_socket.connect(target)
            client_socket.sendall(line.encode())
            answer = b""
            while data := client_socket.recv(1024):
                answer += data
    print(json.dumps(answer.decode()), flush=True)
`;

/** Echoes lines in upper case, each connection in a thread of its own; "reset" and "part" end a connection in two bad ways. */
const SERVER = `
import json, socket, socketserver, struct, sys

class UpperHandler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            if line == b"reset\\n":
                self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.request.close()
                return
            if line == b"part\\n":
                self.wfile.write(b"PAR")
                return
            self.wfile.write(line.upper())

class Server(socketserver.ThreadingMixIn, socketserver.TCPServer if sys.argv[1] == "tcp" else socketserver.UnixStreamServer):
    daemon_threads = True

    def shutdown_request(self, request):
        if request.fileno() != -1:
            super().shutdown_request(request)

    def handle_error(self, request, client_address):
        pass

with Server(("127.0.0.1", 0) if sys.argv[1] == "tcp" else sys.argv[2], UpperHandler) as server:
    print(json.dumps(server.server_address), flush=True)
    server.serve_forever()
`;

/** What a Python client with plain sockets hears from a server of ours. */
async function answersTo(kind: "tcp" | "udp" | "unix", address: Address, lines: readonly string[]): Promise<string[]> {
  await using client = new Program("python3", ["-c", CLIENT, kind, JSON.stringify(address)]);
  client.input(JSON.stringify(lines));
  const { code, stdout, stderr } = await client.end();
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.split("\n").map((line): string => JSON.parse(line));
}

/** Connect as a program does that only has core and `node:net`. */
async function call(
  address: { readonly host: string; readonly port: number } | { readonly path: string },
): Promise<Connection> {
  const socket = connect(address);
  await once(socket, "connect");
  return new Connection(socket, { idleTimeoutMs: 5_000 });
}

/** Python's server on a free port; the test ends it. */
function pythonServer(): Program {
  return new Program("python3", ["-c", SERVER, "tcp"]);
}

/** Where it listens. */
async function addressOf(program: Program): Promise<{ readonly host: string; readonly port: number }> {
  const [, port] = await program.line(/^\["127\.0\.0\.1", (\d+)\]$/);
  return { host: "127.0.0.1", port: Number(port) };
}

describe("Python's sockets", () => {
  test.each([
    { server: TCPServer, options: {} },
    { server: AsyncTCPServer, options: {} },
    { server: ThreadingTCPServer, options: { threading: { threads: 2 } } },
    { server: ThreadingTCPServer, options: { threading: { threads: 2, relay: true } } },
    { server: ForkingTCPServer, options: { forking: { processes: 2 } } },
    { server: ForkingTCPServer, options: { forking: { processes: 2, relay: true } } },
  ])("talk to $server.name with $options", async ({ server, options }) => {
    await using running = await serve(EchoLineHandler, { server, options });
    expect(await answersTo("tcp", running.address, LINES)).toEqual(LINES);
    // Workers tell in their own time.
    const closed = (await running.closedCount(LINES.length)).toSorted((one, other) => one.id - other.id);
    expect(closed.map(({ reason, bytesRead }) => ({ reason, bytesRead }))).toEqual(
      LINES.map((line) => ({ reason: "done", bytesRead: Buffer.byteLength(line) })),
    );
  });

  test.each([
    { server: UDPServer, options: {} },
    { server: AsyncUDPServer, options: {} },
    { server: ThreadingUDPServer, options: { threading: { threads: 2 } } },
    { server: ForkingUDPServer, options: { forking: { processes: 2 } } },
  ])("talk to $server.name", async ({ server, options }) => {
    await using running = await serve(EchoPacketHandler, { server, options });
    expect(await answersTo("udp", running.address, LINES)).toEqual(LINES);
    expect(running.errors).toEqual([]);
  });

  test.each([
    { server: UnixStreamServer, options: {} },
    { server: AsyncUnixStreamServer, options: {} },
    { server: ThreadingUnixStreamServer, options: { threading: { threads: 2 } } },
    { server: ForkingUnixStreamServer, options: { forking: { processes: 2 } } },
  ])("talk to $server.name", async ({ server, options }) => {
    const path = await temporaryPath();
    await using running = await serve(EchoLineHandler, {
      server,
      address: { path },
      options,
    });
    expect(await answersTo("unix", running.address, LINES)).toEqual(LINES);
    expect(running.errors).toEqual([]);
  });
});

describe("Connection", () => {
  test("talks to Python's ThreadingMixIn and TCPServer, twice at once", async () => {
    await using program = pythonServer();
    const address = await addressOf(program);
    await using first = await call(address);
    await using second = await call(address);
    expect(first.remoteAddress).toEqual(address);
    for (const [connection, line] of [
      [first, "one\n"],
      [second, "two\n"],
      [first, "grüße\n"],
    ] as const) {
      await connection.sendAll(line);
      const answer = await connection.recvExactly(Buffer.byteLength(line));
      // Python's bytes.upper() knows ASCII alone.
      expect(answer.toString()).toBe(line.replaceAll(/[a-z]/g, (letter) => letter.toUpperCase()));
    }
    first.shutdown("write");
    expect(await first.recv()).toHaveLength(0);
    expect(await first.closed).toBe("peer-end");
  });

  test("reads lines of Python's wfile", async () => {
    await using program = pythonServer();
    await using connection = await call(await addressOf(program));
    await connection.sendAll(LINES.join(""));
    connection.shutdown("write");
    const heard: string[] = [];
    for await (const line of new StreamReader(connection.inbound)) heard.push(line.toString());
    expect(heard.map((line) => line.length)).toEqual(LINES.map((line) => line.length));
  });

  test("tells how much came when Python's handler ends too early", async () => {
    await using program = pythonServer();
    await using connection = await call(await addressOf(program));
    await connection.sendAll("part\n");
    await expect(connection.recvExactly(5)).rejects.toMatchObject({
      code: "ERR_SOCKETSERVER_INCOMPLETE_READ",
      partial: Buffer.from("PAR"),
    });
  });

  test("tells of a reset by Python", async () => {
    await using program = pythonServer();
    await using connection = await call(await addressOf(program));
    await connection.sendAll("reset\n");
    await expect(connection.recv()).rejects.toMatchObject({ name: "PeerError", code: "ECONNRESET" });
    expect(await connection.closed).toBe("peer-reset");
  });

  test("talks to Python's UnixStreamServer", async () => {
    const path = await temporaryPath();
    await using program = new Program("python3", ["-c", SERVER, "unix", path]);
    await program.line(/^".*"$/);
    await using connection = await call({ path });
    await connection.sendAll("hello\n");
    expect((await connection.recvExactly(6)).toString()).toBe("HELLO\n");
  });
});
