import ts from "typescript";

import { docOf, exportsOf, packageOf, type SourceFile } from "./source-file.ts";

/** One event, as its interface says. */
export interface EventFacts {
  readonly name: string;
  /** What a listener is given. */
  readonly parameters: readonly { readonly name: string; readonly type: string }[];
  readonly doc: string;
  /** How the reference names it. */
  readonly link: string;
}

/** Reads the events of an interface that the package exports. */
export function readEvents(sources: readonly SourceFile[], name: string): EventFacts[] {
  const exported = exportsOf(sources);
  for (const { path, tree } of sources) {
    const found = tree.statements.find((each) => ts.isInterfaceDeclaration(each) && each.name.text === name);
    if (found === undefined || !ts.isInterfaceDeclaration(found)) continue;
    return found.members.filter(ts.isMethodSignature).map((member) => {
      return {
        name: member.name.getText(),
        parameters: member.parameters.map((each) => ({ name: each.name.getText(), type: each.type?.getText() ?? "" })),
        doc: docOf(member),
        link: `${exported.get(`${packageOf(path)} ${name}`)}.${member.name.getText()}`,
      };
    });
  }
  throw new Error(`Cannot read events: no source has ${name}`);
}
