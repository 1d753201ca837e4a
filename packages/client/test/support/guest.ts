import { EventEmitter, once } from "node:events";
import type { Socket } from "node:net";

/** One client of a `ScriptedServer`. Nothing is read of it before the first question. */
export class Guest implements AsyncIterable<string> {
  /** The server's end. */
  readonly socket: Socket;
  /** Whether this side ends when the client has ended. */
  polite = true;
  #text = "";
  #over = false;
  #reset = false;
  readonly #news = new EventEmitter();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      this.#text += text;
      this.#news.emit("news");
    });
    socket.on("end", () => {
      if (this.polite) socket.end();
      this.#end();
    });
    socket.on("close", () => this.#end());
    socket.on("error", () => {
      // Clients may leave as rudely as they like: "close" follows.
      this.#reset = true;
    });
  }

  /** What has come and no question has taken, once reading has begun. */
  get rest(): string {
    return this.#text;
  }

  /** The next line, without its ending; undefined if the client ends first. */
  async line(): Promise<string | undefined> {
    this.socket.resume();
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end !== -1) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      if (this.#over) return undefined;
      await once(this.#news, "news");
    }
  }

  /** So many lines; rejects if the client ends before. */
  async lines(count: number): Promise<string[]> {
    const lines: string[] = [];
    while (lines.length < count) {
      const line = await this.line();
      if (line === undefined) throw new Error(`Cannot read ${count} lines: the client ended after ${lines.length}`);
      lines.push(line);
    }
    return lines;
  }

  /** The lines that come, until the client ends. */
  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, void> {
    for (let line = await this.line(); line !== undefined; line = await this.line()) yield line;
  }

  /** Wait for the client's end; whether it was an orderly one. */
  async ended(): Promise<boolean> {
    this.socket.resume();
    while (!this.#over) await once(this.#news, "news");
    return !this.#reset;
  }

  /** Send something; what the client does not take waits in this process. */
  say(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  /** End this side, behind a last word. */
  end(text = ""): void {
    this.socket.end(text);
  }

  /** Reset the connection; over a Unix socket, which knows no reset, close it. */
  reset(): void {
    const { localPort, writableEnded } = this.socket;
    // While its end is being sent, a socket cannot be reset.
    if (localPort === undefined || writableEnded) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  #end(): void {
    this.#over = true;
    this.#news.emit("news");
  }
}
