import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

/** A port that nobody listens on. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  const listener = createServer().listen({ host, port: 0 });
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  listener.close();
  await once(listener, "close");
  return port;
}
