import { Connection, type Address, type ConnectionOptions } from "@socketserver/core";
import { once } from "node:events";
import { connect } from "node:net";

/** Connect to a server; the test closes the connection. It stays half-open when the server ends, as a careful client does. */
export async function dial(address: Address, options: ConnectionOptions = {}): Promise<Connection> {
  const socket =
    "path" in address
      ? connect({ path: address.path, allowHalfOpen: true })
      : connect({ ...address, allowHalfOpen: true });
  await once(socket, "connect");
  return new Connection(socket, options);
}
