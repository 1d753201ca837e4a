import type { Address } from "../address.ts";
import { ErrorCode, show, typeError } from "../errors.ts";

/** What a handler can do with the socket through which its datagram came, on the listener side and in a worker. */
export interface DatagramSocket {
  /**
   * Send one datagram to anyone; resolves when the kernel has it. UDP promises nothing about its arrival.
   *
   * @throws the system's error, such as `EMSGSIZE`, or `SocketServerError` `ERR_SOCKETSERVER_SERVER_CLOSED`.
   */
  sendTo(data: string | Uint8Array, address: Address): Promise<void>;
}

/** @throws `TypeError` `ERR_SOCKETSERVER_INVALID_ARGUMENT` about data or an address that no datagram can have. */
export function checkDatagram(data: unknown, address: Address): void {
  if (!("host" in address)) {
    throw typeError(
      ErrorCode.invalidArgument,
      `Cannot send: address must have host and port, received ${show(address)}`,
    );
  }
  if (typeof data !== "string" && !(data instanceof Uint8Array)) {
    throw typeError(
      ErrorCode.invalidArgument,
      `Cannot send: data must be a string or a Uint8Array, received ${show(data)}`,
    );
  }
}
