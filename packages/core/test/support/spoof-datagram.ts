import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Writes its own header, which no ordinary socket does: the sender's port is 0. The kernel fills in what is left of the address. */
const SPOOF = `
import socket, struct, sys
port, payload = int(sys.argv[1]), sys.argv[2].encode()
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
    raw.sendto(struct.pack("!HHHH", 0, port, 8 + len(payload), 0) + payload, ("127.0.0.1", 0))
`;

/** Send a datagram to a port of the loopback interface that claims to come from port 0. Takes Python, and root, because any sender may lie there. */
export async function spoofDatagram(port: number, packet: string): Promise<void> {
  const asRoot = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  const [command, ...args] = [...asRoot, "python3", "-c", SPOOF, String(port), packet];
  await promisify(execFile)(command, args);
}
