import type { InternetAddress } from "@socketserver/core";

import { Program } from "../../../packages/core/test/support/program.ts";

/** The plain client: one socket, one message, one `recv(1024)`. */
const SOURCE = `
import socket, sys

client_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
client_socket.connect((sys.argv[1], int(sys.argv[2])))
client_socket.sendall(sys.argv[3].encode("utf-8"))
print(client_socket.recv(1024).decode("utf-8"))
client_socket.close()
`;

/** Send a message with a plain Python socket; prints the answer. */
export function pythonClient({ host, port }: InternetAddress, message: string): Program {
  return new Program("python3", ["-c", SOURCE, host, String(port), message]);
}
