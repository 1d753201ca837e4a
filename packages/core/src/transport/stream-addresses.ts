import { Socket } from "node:net";
import type { Duplex } from "node:stream";

import { internetAddress, type Address } from "../address.ts";

/** Who is at the other end of a stream, if it knows. */
export function remoteAddressOf(stream: Duplex): Address | undefined {
  if (!(stream instanceof Socket) || stream.remoteAddress === undefined || stream.remotePort === undefined)
    return undefined;
  return internetAddress(stream.remoteAddress, stream.remotePort);
}

/** Where our end of a stream is, if it knows. */
export function localAddressOf(stream: Duplex): Address | undefined {
  if (!(stream instanceof Socket) || stream.localAddress === undefined || stream.localPort === undefined)
    return undefined;
  return internetAddress(stream.localAddress, stream.localPort);
}
