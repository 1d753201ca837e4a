/**
 * The path of a Unix socket: whose it is, before listening and after.
 *
 * A socket file outlives the process that made it. So before listening, a file at that path is removed only if nobody answers a connect; and
 * after listening, it is removed only if it is still the file that we made. Abstract names (a leading NUL) have no file.
 *
 * @module
 */

// `fs.promises` is loaded when it is first asked for: most programs have no Unix socket.
import fs from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";

import { codeOf, SocketServerError } from "../errors.ts";
import { listenError } from "./listen-error.ts";

/** How long a socket at our path may take to answer before it counts as alive, in milliseconds. */
const PROBE_MS = 1_000;

/**
 * Make sure that nobody listens at `path`, and remove a socket file that was left behind.
 *
 * @throws {@link SocketServerError} `EADDRINUSE` if a live socket or another kind of file is there.
 */
export async function claimUnixPath(path: string): Promise<void> {
  if (path.startsWith("\0")) return;
  const found = await fs.promises.lstat(path, { bigint: true }).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw listenError(error as Error, path);
  });
  if (found === undefined) {
    // Binding says EACCES for a directory that does not exist: libuv translates it for the sake of Windows.
    await fs.promises.stat(dirname(path)).catch((error: unknown) => {
      throw listenError(error as Error, path);
    });
    return;
  }
  if (!found.isSocket()) {
    throw new SocketServerError(
      "EADDRINUSE",
      `Cannot listen on ${path}: a file that is not a socket is there; remove it or choose another path`,
    );
  }
  if (await answers(path)) {
    throw new SocketServerError("EADDRINUSE", `Cannot listen on ${path}: another server listens there`);
  }
  removeStale(path, identityIn(found));
}

/** Remove the file that nobody answered for. In one go: another server may have done so meanwhile, and listen there by now. */
function removeStale(path: string, identity: string): void {
  try {
    const found = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (found !== undefined && identityIn(found) === identity) fs.unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw listenError(error as Error, path);
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.setTimeout(PROBE_MS, () => finish(true));
    socket.on("connect", () => finish(true));
    // A full backlog (EAGAIN) or a missing permission is no proof of death.
    socket.on("error", (error) => finish(codeOf(error) !== "ECONNREFUSED"));
    const finish = (alive: boolean): void => {
      socket.destroy();
      resolve(alive);
    };
  });
}

/** Remembers which file a listener made. */
export class UnixPathOwner {
  static #releasing: Promise<void> = Promise.resolve();

  readonly #path: string;
  readonly #identity: string;

  private constructor(path: string, identity: string) {
    this.#path = path;
    this.#identity = identity;
  }

  /** The owner of the file that was just made at `path`; undefined for an abstract name. */
  static async of(path: string): Promise<UnixPathOwner | undefined> {
    if (path.startsWith("\0")) return undefined;
    const identity = await identityOf(path);
    return identity === undefined ? undefined : new UnixPathOwner(path, identity);
  }

  /**
   * Close the listener, and remove the file if it is still ours.
   *
   * libuv unlinks the path when the listener closes, even if another server has taken it over: then that one's file is kept safe meanwhile. One
   * at a time in this process, because two that close together would each take the other's precaution for the file itself.
   */
  release(closeListener: () => void): Promise<void> {
    const released = UnixPathOwner.#releasing.then(() => this.#release(closeListener));
    UnixPathOwner.#releasing = released.catch(() => {
      // Its caller is told; the next one is not concerned.
    });
    return released;
  }

  async #release(closeListener: () => void): Promise<void> {
    let shelter: string | undefined;
    try {
      shelter = await this.#shelterSuccessor();
    } finally {
      closeListener();
    }
    if (shelter !== undefined) await fs.promises.rename(shelter, this.#path);
    else if ((await identityOf(this.#path)) === this.#identity) await fs.promises.unlink(this.#path);
  }

  /** Where the file of another server is kept, if one has taken the path over. */
  async #shelterSuccessor(): Promise<string | undefined> {
    const identity = await identityOf(this.#path);
    if (identity === undefined || identity === this.#identity) return undefined;
    const shelter = `${this.#path}.${process.pid}`;
    await fs.promises.link(this.#path, shelter);
    return shelter;
  }
}

async function identityOf(path: string): Promise<string | undefined> {
  const found = await fs.promises.lstat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? undefined : identityIn(found);
}

function identityIn({ dev, ino, birthtimeNs }: fs.BigIntStats): string {
  return `${dev}:${ino}:${birthtimeNs}`;
}
