import { readFile } from "node:fs/promises";

import { eventually } from "../../../core/test/support/eventually.ts";
import { Program } from "../../../core/test/support/program.ts";

/**
 * Accepts nobody. Its queue holds one connection, its own: so the system drops the first packet of whoever comes, who
 * tries again a second later.
 *
 * "accept" makes it accept everybody from then on, "refuse" makes it go away while its process stays.
 */
const LISTENER = `
import socket, sys, time

listener = socket.create_server(("127.0.0.1", 0), backlog=0)
filler = socket.create_connection(listener.getsockname())
print("port", listener.getsockname()[1], flush=True)
command = sys.stdin.read().strip()
if command == "refuse":
    listener.close()
    print("refusing", flush=True)
    time.sleep(60)
accepted = []
while command == "accept":
    accepted.append(listener.accept())
`;

/** SYN_SENT, as Linux tells it in `/proc/net/tcp`. */
const UNANSWERED = "02";

/** A place where connections are neither accepted nor refused, on Linux: as behind a firewall that drops packets. */
export class SilentListener implements AsyncDisposable {
  readonly port: number;
  readonly #program: Program;

  private constructor(program: Program, port: number) {
    this.#program = program;
    this.port = port;
  }

  static async start(): Promise<SilentListener> {
    const program = new Program("python3", ["-c", LISTENER]);
    const [, port] = await program.line(/^port (\d+)$/);
    return new SilentListener(program, Number(port));
  }

  /** How many attempts to connect are under way. */
  async knocking(): Promise<number> {
    const remote = `:${this.port.toString(16).toUpperCase().padStart(4, "0")}`;
    const [, ...lines] = (await readFile("/proc/net/tcp", "utf8")).trim().split("\n");
    const fields = lines.map((line) => line.trim().split(/\s+/));
    return fields.filter(([, , address = "", state]) => address.endsWith(remote) && state === UNANSWERED).length;
  }

  /** Wait until as many attempts to connect are under way. */
  async knocked(count: number): Promise<void> {
    await eventually(async () => {
      const found = await this.knocking();
      if (found !== count) throw new Error(`Cannot go on: ${found} attempts are under way, and not ${count}`);
    });
  }

  /** Accept everybody from now on. */
  accept(): void {
    this.#program.input("accept");
  }

  /** Refuse everybody from now on. */
  async refuse(): Promise<void> {
    this.#program.input("refuse");
    await this.#program.line(/^refusing$/);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }
}
