import { UdpPeer } from "./udp-peer.ts";

/** A UDP port of the loopback interface that nobody has: what is sent there is refused. */
export async function freeDatagramPort(): Promise<number> {
  await using peer = await UdpPeer.bind();
  return peer.address.port;
}
