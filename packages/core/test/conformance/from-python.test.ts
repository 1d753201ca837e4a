/**
 * The guide "From Python", held to Python: its tables have every public name and no other, and its programs print what stands below them.
 *
 * @module
 */
import * as core from "@socketserver/core";
import { leakCheck } from "@socketserver/testing";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { beforeEach, describe, expect, test } from "vitest";

import { needs } from "../support/peers.ts";

beforeEach(() => leakCheck());
beforeEach(needs("python3"));

/** Prints the public names of the module and of each class: its own, and those that its instances have and its base's have not. */
const NAMES = `
import json, socket, socketserver

def public(thing):
    return {name for name in vars(thing) if not name.startswith("_")}

class Silent:
    def finish(self):
        pass

def handler(base, request):
    return public(type("Handler", (Silent, base), {})(request, None, None))

near, far = socket.socketpair()
server = public(socketserver.BaseServer(None, None))
tcp_server = public(socketserver.TCPServer(("127.0.0.1", 0), None, bind_and_activate=False))
plain = handler(socketserver.BaseRequestHandler, near)
own = {
    "BaseServer": server,
    "TCPServer": tcp_server - server,
    "BaseRequestHandler": plain,
    "StreamRequestHandler": handler(socketserver.StreamRequestHandler, near) - plain,
    "DatagramRequestHandler": handler(socketserver.DatagramRequestHandler, (b"packet", near)) - plain,
}
names = {name: public(getattr(socketserver, name)) | own.get(name, set()) for name in socketserver.__all__}
print(json.dumps({"The module": socketserver.__all__, **{name: sorted(own) for name, own in names.items()}}))
`;

/** They came with Python 3.12. */
const NEW_NAMES: ReadonlySet<string> = new Set(["ForkingUnixStreamServer", "ForkingUnixDatagramServer"]);

const GUIDE = new URL("../../../../docs/guides/from-python.md", import.meta.url);

const TABLE = /^### ([\w ]+)\n\n\| Python \| here \| note \|\n.*\n((?:\|.*\n)+)/gm;

const PROGRAM = /```python\n(?<program>.*?)```\n\n```ts run\n.*?```\n\n```text\n(?<output>.*?)```/gs;

/** The rows of the tables that have a note, by their headings: the cells. */
async function tablesOfNames(): Promise<Map<string, string[][]>> {
  const tables = new Map<string, string[][]>();
  for (const [, heading = "", rows = ""] of (await readFile(GUIDE, "utf8")).matchAll(TABLE)) {
    const cells = rows.trim().split("\n");
    tables.set(
      heading,
      cells.map((row) => row.split("|").slice(1, -1)),
    );
  }
  return tables;
}

function quoted(cell: string | undefined): string[] {
  return [...(cell ?? "").matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
}

const NOBODY = { path: "" };

const HANDLERS = [
  core.BaseRequestHandler<never, never>,
  core.StreamRequestHandler<never>,
  core.DatagramRequestHandler<never>,
] as const;

/** What a name of ours may be a member of. */
function membersOf(heading: string): object[] {
  if (heading === "The module") return [core];
  const Handler = HANDLERS.find(({ name }) => name === heading);
  if (Handler !== undefined) return [new Handler(undefined as never, NOBODY, undefined as never)];
  const server =
    heading === "UDPServer"
      ? new core.UDPServer({ port: 0 }, core.DatagramRequestHandler)
      : heading === "ForkingMixIn"
        ? new core.ForkingTCPServer({ port: 0 }, core.BaseRequestHandler)
        : new core.ThreadingTCPServer({ port: 0 }, core.BaseRequestHandler);
  return [server, server.options, ...Object.values(server.options).filter((value) => typeof value === "object")];
}

async function python(program: string): Promise<string> {
  return (await promisify(execFile)("python3", ["-c", program], { timeout: 20_000 })).stdout;
}

describe("From Python", () => {
  test("has every public name of Python's module, and no other", async () => {
    const names: Readonly<Record<string, readonly string[]>> = JSON.parse(await python(NAMES));
    for (const [heading, rows] of await tablesOfNames()) {
      const documented = rows.flatMap(([name]) => quoted(name)).filter((name) => !NEW_NAMES.has(name));
      const real = (names[heading] ?? []).filter((name) => !NEW_NAMES.has(name));
      expect({ heading, names: documented.toSorted() }).toEqual({ heading, names: real.toSorted() });
    }
  });

  test("has a table for the module and for each class that has names of its own", async () => {
    const names: Readonly<Record<string, readonly string[]>> = JSON.parse(await python(NAMES));
    const withNames = Object.keys(names).filter((heading) => (names[heading] ?? []).length > 0);
    const documented = [...(await tablesOfNames()).keys()];
    // Its only name is that of the class beside it.
    expect([...documented, "UnixDatagramServer"].toSorted()).toEqual(withNames.toSorted());
  });

  test("promises no name that is not here", async () => {
    for (const [heading, rows] of await tablesOfNames()) {
      const places = membersOf(heading);
      for (const name of rows.flatMap(([, here]) => quoted(here))) {
        const key = name.replace("()", "");
        const found = places.find((place) => key in place) as Readonly<Record<string, unknown>> | undefined;
        expect({ heading, name, found: found !== undefined }).toEqual({ heading, name, found: true });
        if (name.endsWith("()")) expect(found?.[key]).toBeTypeOf("function");
      }
    }
  });

  test("has programs of Python that print what ours do", async () => {
    const programs = [...(await readFile(GUIDE, "utf8")).matchAll(PROGRAM)];
    expect(programs.length).toBeGreaterThanOrEqual(4);
    for (const { groups } of programs) expect(await python(groups?.["program"] ?? "")).toBe(groups?.["output"]);
  });
});
