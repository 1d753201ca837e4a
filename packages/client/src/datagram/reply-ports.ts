import type { RequestId } from "../correlation.ts";
import type { DatagramLink } from "./datagram-link.ts";

/** A request that waits for its reply. */
export interface WaitingRequest<Reply> {
  /** What tells it from others; undefined if its port does. */
  readonly id: RequestId | undefined;
  /** Whether any of it may have reached the server. */
  readonly sent: boolean;
  /** Its reply has come. */
  answer(reply: Reply): void;
}

/** The ports that replies come to, and whose reply comes to which. */
export interface ReplyPorts<Reply> {
  /** The way for what is not answered. */
  readonly oneWay: DatagramLink;
  /**
   * The way for a request that waits from now on.
   *
   * @throws `RangeError` `ERR_SOCKETSERVER_INVALID_MESSAGE` if its replies could not be told from those to another one.
   */
  add(request: WaitingRequest<Reply>): DatagramLink;
  /** It waits no more: what still comes for it is ignored. */
  remove(request: WaitingRequest<Reply>): void;
  /** Close every socket. Never rejects. */
  close(): Promise<void>;
}
