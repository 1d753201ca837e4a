import type { Address } from "../address.ts";
import type { MovedRequest } from "../server/moved-request.ts";
import type { Connection } from "../transport/connection.ts";
import type { Datagram } from "../transport/datagram.ts";

/** A request on its way to a worker. */
export interface Cargo {
  readonly request: MovedRequest;
  /** What moves, untouched. */
  readonly content: Connection | Datagram;
  readonly clientAddress: Address;
}
