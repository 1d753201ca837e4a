import type { Address } from "../address.ts";
import { checkDatagram, type DatagramSocket } from "../transport/datagram-socket.ts";
import { errorFromData, type ErrorData } from "./error-data.ts";

/** Asks the listener side to send a datagram. */
export type PostDatagram = (sendId: number, data: Uint8Array<ArrayBuffer>, address: Address) => void;

/** The server's UDP socket, in a worker: the socket itself stays on the listener side, and sends what is asked of it. */
export class RemoteDatagramSocket implements DatagramSocket {
  readonly #post: PostDatagram;
  readonly #sending = new Map<number, PromiseWithResolvers<void>>();
  #nextSendId = 1;

  constructor(post: PostDatagram) {
    this.#post = post;
  }

  /** {@inheritDoc DatagramSocket.sendTo} */
  async sendTo(data: string | Uint8Array, address: Address): Promise<void> {
    checkDatagram(data, address);
    const sendId = this.#nextSendId++;
    const sending = Promise.withResolvers<void>();
    // A copy: what is sent still belongs to the handler.
    this.#post(sendId, typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data), address);
    this.#sending.set(sendId, sending);
    await sending.promise;
  }

  /** The listener side has sent it, or could not. */
  sent(sendId: number, error: ErrorData | undefined): void {
    const sending = this.#sending.get(sendId);
    this.#sending.delete(sendId);
    if (error === undefined) sending?.resolve();
    else sending?.reject(errorFromData(error));
  }
}
