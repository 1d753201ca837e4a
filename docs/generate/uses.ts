import ts from "typescript";

import type { SourceFile } from "./source-file.ts";

/** A place in the sources where a code is used. */
export interface Use {
  /** As in `ErrorCode.tooBig`. */
  readonly name: string;
  /** What is made with it there; undefined if that cannot be seen there. */
  readonly madeClass: string | undefined;
}

/** What makes an error of which class. */
const MAKERS: Readonly<Record<string, string>> = {
  typeError: "TypeError",
  rangeError: "RangeError",
  peerError: "PeerError",
};

/** What a function is called that only looks. */
const PREDICATE = /(?:^|\.)(?:is|has)[A-Z]/;

/** Finds where codes of these tables are used, outside of the tables and of comparisons. */
export function readUses(sources: readonly SourceFile[], tables: readonly string[]): Use[] {
  return sources.flatMap(({ tree }) => {
    const found: Use[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isPropertyAccessExpression(node) && tables.includes(node.expression.getText()) && isMade(node))
        found.push({ name: node.getText(), madeClass: classMadeWith(node) });
      ts.forEachChild(node, visit);
    };
    visit(tree);
    return found;
  });
}

/** Whether a code is given to something, and not only looked for. */
function isMade({ parent }: ts.Node): boolean {
  if (ts.isBinaryExpression(parent)) return parent.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken;
  if (ts.isCallExpression(parent)) return !PREDICATE.test(parent.expression.getText());
  return !ts.isComputedPropertyName(parent) && !ts.isArrayLiteralExpression(parent) && !ts.isCaseClause(parent);
}

function classMadeWith(node: ts.Node): string | undefined {
  const { parent } = node;
  if (ts.isNewExpression(parent)) return parent.expression.getText();
  if (!ts.isCallExpression(parent)) return undefined;
  const callee = parent.expression;
  return MAKERS[ts.isPropertyAccessExpression(callee) ? callee.name.text : callee.getText()];
}
