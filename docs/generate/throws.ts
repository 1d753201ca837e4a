import ts from "typescript";

import { packageOf, type SourceFile } from "./source-file.ts";

/** What one `@throws` says. */
export interface Throws {
  /** What throws, such as `Connection.recv` or `connect`. */
  readonly member: string;
  /** How the reference names it; undefined if it is not in there. */
  readonly link: string | undefined;
  /** Each code that it names, with the classes that it names for it; none for a code without one. */
  readonly codes: ReadonlyMap<string, readonly string[]>;
  readonly path: string;
  readonly line: number;
}

const CODE_OR_CLASS = /ERR_SOCKETSERVER_\w+|\b(?:\w+Error)\b|[;.]/g;

/** Finds every `@throws` of the sources. */
export function readThrows(sources: readonly SourceFile[], exported: ReadonlyMap<string, string>): Throws[] {
  return sources.flatMap(({ path, tree }) => {
    const found: Throws[] = [];
    const visit = (node: ts.Node): void => {
      for (const text of ts.isJSDoc(node) ? throwsOf(node) : []) {
        const line = tree.getLineAndCharacterOfPosition(node.getStart() + text.index).line + 1;
        const member = nameOf(node.parent);
        found.push({ member, link: linkTo(member, path, exported), codes: codesIn(text[0]), path, line });
      }
      for (const child of node.getChildren()) visit(child);
    };
    visit(tree);
    return found;
  });
}

/** Each `@throws` up to the next tag. Read as text: the parser takes a class in braces for a type. */
function throwsOf(doc: ts.JSDoc): RegExpExecArray[] {
  return [...doc.getText().matchAll(/@throws\b(?:(?!\n\s*\*\s*@)[^])*/g)];
}

/** The codes that a sentence names. A class stands before its codes, and holds until a new sentence or clause names another. */
function codesIn(text: string): Map<string, readonly string[]> {
  const codes = new Map<string, readonly string[]>();
  let classes: string[] = [];
  let complete = false;
  for (const [word] of text.matchAll(CODE_OR_CLASS)) {
    if (word === ";" || word === ".") complete = true;
    else if (word.startsWith("ERR_")) {
      codes.set(word, classes);
      complete = true;
    } else {
      classes = complete ? [word] : [...classes, word];
      complete = false;
    }
  }
  return codes;
}

/** The name of what a comment stands at, with its class. */
function nameOf(node: ts.Node): string {
  const own = ts.isConstructorDeclaration(node)
    ? "constructor"
    : (ts.getNameOfDeclaration(node as ts.Declaration)?.getText() ?? "");
  const owner = node.parent;
  return ts.isClassLike(owner) || ts.isInterfaceDeclaration(owner) ? `${owner.name?.text ?? ""}.${own}` : own;
}

/** How the reference names a member; undefined if it is not in there. */
function linkTo(member: string, path: string, exported: ReadonlyMap<string, string>): string | undefined {
  const [owner = "", name] = member.split(".");
  const link = exported.get(`${packageOf(path)} ${owner}`);
  return link === undefined || name === undefined ? link : `${link}.${name}`;
}
