import { Duplex } from "node:stream";

/** A stream whose far end takes a write only when the test says so. Its own mark is as small as streams go. */
export class StalledDuplex extends Duplex {
  /** The writes that the far end has not taken, in order. */
  readonly waiting: { readonly bytes: Buffer; readonly take: () => void }[] = [];
  /** What the far end has taken. */
  readonly taken: Buffer[] = [];
  /** Whether our end has come to the far end. */
  finished = false;

  constructor() {
    super({ allowHalfOpen: true, writableHighWaterMark: 1, autoDestroy: false });
  }

  /** The far end takes the oldest write; whether there was one. */
  takeOne(): boolean {
    const write = this.waiting.shift();
    if (write === undefined) return false;
    this.taken.push(write.bytes);
    write.take();
    return true;
  }

  /** The far end takes everything that comes. */
  takeAll(): void {
    while (this.takeOne());
  }

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.waiting.push({ bytes, take: done });
  }

  override _final(done: () => void): void {
    this.finished = true;
    done();
  }
}
