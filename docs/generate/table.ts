import ts from "typescript";

import { docOf, type SourceFile } from "./source-file.ts";

/** One entry of a table of constants, such as `ErrorCode`. */
export interface Entry {
  /** The name of the table. */
  readonly table: string;
  readonly key: string;
  readonly value: string;
  /** What its comment says. */
  readonly doc: string;
  readonly path: string;
  readonly line: number;
}

/** Reads a table: `export const Name = { ... } as const`. */
export function readTable(sources: readonly SourceFile[], table: string): Entry[] {
  for (const { path, tree } of sources) {
    for (const statement of tree.statements) {
      if (!ts.isVariableStatement(statement)) continue;
      const declared = statement.declarationList.declarations.find(({ name }) => name.getText() === table);
      if (declared?.initializer !== undefined) return entriesOf(table, path, declared.initializer);
    }
  }
  throw new Error(`Cannot read table: no source has ${table}`);
}

function entriesOf(table: string, path: string, initializer: ts.Expression): Entry[] {
  const literal = ts.isAsExpression(initializer) ? initializer.expression : initializer;
  if (!ts.isObjectLiteralExpression(literal)) throw new Error(`Cannot read table: ${table} is no object`);
  return literal.properties.map((property) => {
    if (!ts.isPropertyAssignment(property) || !ts.isStringLiteral(property.initializer))
      throw new Error(`Cannot read table: ${property.getText()} of ${table} is no string`);
    const line = literal.getSourceFile().getLineAndCharacterOfPosition(property.getStart()).line + 1;
    const key = property.name.getText();
    return { table, key, value: property.initializer.text, doc: docOf(property), path, line };
  });
}
