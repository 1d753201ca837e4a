/**
 * Where syslog messages end over TCP (RFC 6587): their length stands before them, or a line feed behind them, and the first byte tells which.
 *
 * Shows a framing of one's own: `nextFrame()` takes the first message, or answers undefined while its end has not come. For syslog-server.ts.
 */
import { FrameDecoder, Framing } from "@socketserver/framing";

export class SyslogFraming extends Framing {
  encode(message: Uint8Array): Uint8Array {
    this.check(message);
    return Buffer.concat([Buffer.from(`${message.length} `), message]);
  }
  decoder = (): FrameDecoder => new SyslogDecoder(this.maxLength);
}

class SyslogDecoder extends FrameDecoder {
  /** Bytes in which there is no line feed: they are not searched again. */
  #searched = 0;
  protected override nextFrame(): Buffer | undefined {
    const start = this.queue.peek(8).toString("latin1");
    if (start.startsWith("<")) {
      const end = this.queue.indexOf(0x0a, this.#searched);
      this.#searched = end === -1 ? this.queue.length : 0;
      return this.#take(0, end === -1 ? this.queue.length : end, 1);
    }
    const prefix = /^[1-9]\d* /.exec(start)?.[0];
    if (prefix !== undefined) return this.#take(prefix.length, Number(prefix), 0);
    if (/^([1-9]\d{0,6})?$/.test(start)) return undefined;
    throw this.failProtocol("it begins neither with its length nor with <");
  }
  #take(before: number, length: number, behind: number): Buffer | undefined {
    if (length > this.maxLength) throw this.failTooLong();
    if (this.queue.length < before + length + behind) return undefined;
    return this.queue.take(before + length + behind).subarray(before, before + length);
  }
  override rest(): Buffer {
    this.#searched = 0;
    return super.rest();
  }
}
