import type { Address } from "@socketserver/core";
import { connect, type NetConnectOpts, type Socket } from "node:net";

import type { FailedAttempt } from "../connect-error.ts";
import type { ResolvedConnectOptions } from "./connect-options.ts";

/** One try to connect to one address: it is under way until it says how it ended, or is given up. */
export class Attempt {
  readonly address: Address;
  readonly #socket: Socket;

  /** @param ended - Called once: with the socket, whose errors are the business of whoever is called, or without. */
  constructor(
    address: Address,
    options: ResolvedConnectOptions,
    ended: (attempt: Attempt, outcome: Socket | FailedAttempt["error"]) => void,
  ) {
    this.address = address;
    const socket = connect(socketOptions(address, options));
    this.#socket = socket;
    const onError = (error: Error): void => {
      socket.destroy();
      ended(this, error as FailedAttempt["error"]);
    };
    socket.once("error", onError);
    socket.once("connect", () => {
      if (isConnectedToItself(socket)) {
        onError(refused());
        return;
      }
      socket.off("error", onError);
      ended(this, socket);
    });
  }

  /** Not needed any more: nothing is left of it, and it says nothing. */
  giveUp(): void {
    this.#socket.removeAllListeners("error").removeAllListeners("connect").on("error", ignoreError).destroy();
  }
}

function socketOptions(address: Address, options: ResolvedConnectOptions): NetConnectOpts {
  // Else our side would end with the peer's, with the reply to it unsent.
  const common = { allowHalfOpen: true };
  if ("path" in address) return { ...common, path: address.path };
  const { sourceAddress, noDelay, keepAliveMs } = options;
  return {
    ...common,
    ...address,
    autoSelectFamily: false,
    noDelay,
    ...(keepAliveMs !== Infinity && { keepAlive: true, keepAliveInitialDelay: keepAliveMs }),
    ...(sourceAddress !== undefined && { localAddress: sourceAddress.host, localPort: sourceAddress.port ?? 0 }),
  };
}

/**
 * On a port that nobody listens on, and that the system has just chosen for our own end, TCP connects a socket to itself: it would read what it wrote.
 */
function isConnectedToItself({ localAddress, localPort, remoteAddress, remotePort }: Socket): boolean {
  return localPort !== undefined && localPort === remotePort && localAddress === remoteAddress;
}

function refused(): FailedAttempt["error"] {
  const message = "nobody listens there, and the socket was connected to itself";
  return Object.assign(new Error(message), { code: "ECONNREFUSED" });
}

function ignoreError(): void {
  // Another attempt was faster, or nobody waits any more.
}
