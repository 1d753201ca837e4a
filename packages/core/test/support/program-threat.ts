/**
 * `threat()` for what is done to a whole program: to its descriptors, its workers, its end. It is met by a program of this framework's, and succeeds
 * with the defence switched off, or against a program that lacks it.
 *
 * @module
 */

import { leakCheck } from "@socketserver/testing";
import { beforeEach, describe, test } from "vitest";

import type { Concurrency } from "../conformance/matrix.ts";
import { Program } from "./program.ts";
import { ThreatClients } from "./threat-clients.ts";
import type { AttackedProgram } from "./threat.ts";

/** A program that is attacked. */
type Target = Omit<AttackedProgram<unknown>, "spoils">;

/** Its options, and what it makes of the attack. */
interface Met<Spoils> {
  /** As JSON has them; or what makes them for a way to run requests. */
  readonly options?: object | ((concurrency: Concurrency) => object);
  readonly outcome: (attacked: AttackedProgram<Spoils>) => Promise<void>;
}

/** An attack, and what becomes of it. */
interface Attack<Spoils> {
  /** The ways to run requests in which it is tried. */
  readonly concurrency: readonly Concurrency[];
  /** The most descriptors that the program may have. */
  readonly maxDescriptors?: number;
  readonly attack: (target: Target) => Spoils | Promise<Spoils>;
  readonly met: Met<Spoils>;
}

/** An attack, and what becomes of it with the defence and without. */
export type ProgramThreat<Spoils> = Attack<Spoils> &
  (
    | { readonly switchedOff: Met<Spoils>; readonly lacking?: undefined }
    | {
        readonly switchedOff?: undefined;
        readonly lacking: { readonly program: string } & Pick<Met<Spoils>, "outcome">;
      }
  );

/** Every way to run requests. */
export const ALL_WAYS: readonly Concurrency[] = ["plain", "async", "threading", "forking"];

/** Prove a defence: the title names the attack, in the words of the table of threats. */
export function threat<Spoils>(title: string, how: ProgramThreat<Spoils>): void {
  const { concurrency: ways, met, switchedOff, lacking } = how;
  describe(title, () => {
    beforeEach(() => leakCheck());

    for (const way of ways) {
      test(`is met by a program of this kind: ${way}`, () => attackProgram(how, argumentsOf(met, way), met));
    }
    if (switchedOff !== undefined) {
      const [way = "async"] = ways;
      test(`succeeds with the defence switched off: ${way}`, () =>
        attackProgram(how, argumentsOf(switchedOff, way), switchedOff));
    }
    if (lacking !== undefined) {
      test(`succeeds without the defence: ${lacking.program}`, () =>
        attackProgram(how, ["home-made-program.ts", lacking.program], lacking));
    }
  });
}

function argumentsOf({ options = {} }: Met<never>, way: Concurrency): string[] {
  const made: object = typeof options === "function" ? (options as (way: Concurrency) => object)(way) : options;
  return ["threatened-program.ts", way, JSON.stringify(made)];
}

async function attackProgram<Spoils>(
  { attack, maxDescriptors }: Attack<Spoils>,
  [name = "", ...args]: readonly string[],
  { outcome }: Pick<Met<Spoils>, "outcome">,
): Promise<void> {
  const path = new URL(`../fixtures/${name}`, import.meta.url).pathname;
  const limit = maxDescriptors === undefined ? [] : ["sh", "-c", `ulimit -n ${maxDescriptors}; exec "$@"`, "sh"];
  const [command = "", ...rest] = [...limit, process.execPath, path, ...args];
  await using program = new Program(command, rest);
  const [, port] = await program.line(/^port (\d+)$/);
  using clients = new ThreatClients({ host: "127.0.0.1", port: Number(port) }, true);
  await outcome({ program, clients, spoils: await attack({ program, clients }) });
}
