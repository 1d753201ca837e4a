import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";

interface Manifest {
  readonly name: string;
  readonly version: string;
}

/** A registry on loopback that has these packages and no other, so that `npm install` finds them by their names. */
export class PackageRegistry implements AsyncDisposable {
  readonly #server: Server;
  /** What is answered, by the path that is asked for. */
  readonly #answers = new Map<string, Buffer | string>();

  private constructor(server: Server) {
    this.#server = server;
    server.on("request", ({ url = "" }, response) => {
      // npm asks for "@scope%2fname".
      const answer = this.#answers.get(url.replace(/%2f/i, "/"));
      response.writeHead(answer === undefined ? 404 : 200).end(answer);
    });
  }

  /** Listens; whoever calls it disposes of the registry. */
  static async open(tarballs: Iterable<string>): Promise<PackageRegistry> {
    const server = createServer();
    await once(server.listen(0, "127.0.0.1"), "listening");
    const registry = new PackageRegistry(server);
    for (const tarball of tarballs) await registry.#add(tarball);
    return registry;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #add(tarball: string): Promise<void> {
    const bytes = await readFile(tarball);
    const manifest: Manifest = JSON.parse(
      execFileSync("tar", ["-xzOf", tarball, "package/package.json"], { encoding: "utf8" }),
    );
    const { name, version } = manifest;
    const path = `/${basename(tarball)}`;
    const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
    const dist = { tarball: `${this.url}${path}`, integrity };
    const versions = { [version]: { ...manifest, dist } };
    this.#answers.set(path, bytes);
    this.#answers.set(`/${name}`, JSON.stringify({ name, "dist-tags": { latest: version }, versions }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}
