import type { Connection } from "@socketserver/core";
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { json } from "node:stream/consumers";

/** Gets the socket as its descriptor 3. */
const ASK = `
import json, socket

with socket.socket(fileno=3) as end:
    tcp = lambda name: end.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
    print(json.dumps({
        "noDelay": tcp("TCP_NODELAY") != 0,
        "keepAlive": end.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0,
        "idleSeconds": tcp("TCP_KEEPIDLE"),
        "intervalSeconds": tcp("TCP_KEEPINTVL"),
        "probes": tcp("TCP_KEEPCNT"),
    }))
`;

/** What the system has noted about a TCP connection. */
export interface TCPOptions {
  readonly noDelay: boolean;
  readonly keepAlive: boolean;
  /** After how long without traffic it begins to ask. */
  readonly idleSeconds: number;
  /** How often it asks then. */
  readonly intervalSeconds: number;
  /** How many times, before the other side is taken to be gone. */
  readonly probes: number;
}

/**
 * Ask the system about a connection, by way of Python: Node can set these, and does not tell them. Nothing can be read from the
 * connection afterwards.
 */
export async function tcpOptions({ socket }: Connection): Promise<TCPOptions> {
  const child = spawn("python3", ["-c", ASK], { stdio: ["ignore", "pipe", "inherit", socket] });
  return (await json(child.stdout as Readable)) as TCPOptions;
}
