import type { Address } from "@socketserver/core";

import { Program } from "../../../core/test/support/program.ts";

/**
 * Lines are answered in upper case, packed JSON by its id; some requests are answered badly, or never. Says what it was
 * asked.
 */
const SERVER = `
import json, socket, socketserver, struct, sys, threading

speaking = threading.Lock()

def say(text):
    with speaking:
        sys.stdout.write(text + "\\n")
        sys.stdout.flush()

class LineHandler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            if len(line) < 100:
                say("asked " + line.decode().strip())
            if line == b"reset\\n":
                self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.request.close()
                return
            if line == b"part\\n":
                self.wfile.write(b"PAR")
                return
            if line == b"leave\\n":
                return
            if line == b"hang\\n":
                self.rfile.read()
                return
            self.wfile.write(line.upper())

class PackedHandler(socketserver.StreamRequestHandler):
    def handle(self):
        held = []
        while prefix := self.rfile.read(4):
            message = json.loads(self.rfile.read(*struct.unpack("!I", prefix)))
            if "events" in message:
                for number in range(message["events"]):
                    self.send({"event": number})
                continue
            held.append({"id": message["id"], "text": message["text"].upper()})
            if message["last"]:
                while held:
                    self.send(held.pop())

    def send(self, message):
        body = json.dumps(message).encode()
        self.wfile.write(struct.pack("!I", len(body)) + body)

handler = {"lines": LineHandler, "packed": PackedHandler}[sys.argv[1]]
address = json.loads(sys.argv[2])
isPath = "path" in address

class Server(socketserver.UnixStreamServer if isPath else socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def shutdown_request(self, request):
        if request.fileno() != -1:
            super().shutdown_request(request)

    def handle_error(self, request, client_address):
        pass

with Server(address["path"] if isPath else (address["host"], address["port"]), handler) as server:
    say("port " + str(0 if isPath else server.server_address[1]))
    server.serve_forever()
`;

/** What a {@link PythonServer} speaks. */
export type PythonDialect = "lines" | "packed";

/** Python's `ThreadingTCPServer`, or its `UnixStreamServer`, with a `StreamRequestHandler`. */
export class PythonServer implements AsyncDisposable {
  readonly address: Address;
  readonly #program: Program;

  private constructor(program: Program, address: Address) {
    this.#program = program;
    this.address = address;
  }

  /** Resolves when it listens. */
  static async start(dialect: PythonDialect, address: Address = { host: "127.0.0.1", port: 0 }): Promise<PythonServer> {
    const program = new Program("python3", ["-c", SERVER, dialect, JSON.stringify(address)]);
    const [, port] = await program.line(/^port (\d+)$/);
    return new PythonServer(program, "path" in address ? address : { ...address, port: Number(port) });
  }

  /** Resolves when it was asked this. */
  async heard(line: string): Promise<void> {
    await this.#program.line(new RegExp(`^asked ${line}$`));
  }

  /**
   * End it as the system does when there is no memory left; answers every line that it was asked, those of each
   * connection in their order.
   */
  async kill(): Promise<readonly string[]> {
    await this.#program.end("SIGKILL");
    return this.#program.lines.flatMap((line) => /^asked (.*)$/.exec(line)?.[1] ?? []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }
}
