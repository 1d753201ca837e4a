/** The part of a token of markdown-it that matters here. */
interface Token {
  readonly type: string;
  readonly content: string;
  children: Token[] | null;
}

/** The part of markdown-it that matters here. */
interface Parser {
  readonly core: { readonly ruler: { push(name: string, rule: (state: { tokens: Token[] }) => void): void } };
}

/**
 * Makes code in a heading part of its address: typedoc names a heading after its text alone, and so otherwise than every other reader of Markdown.
 */
export function headingsWithCode(parser: Parser): void {
  parser.core.ruler.push("headings-with-code", ({ tokens }) => {
    for (const [index, token] of tokens.entries()) {
      if (tokens[index - 1]?.type !== "heading_open") continue;
      for (const part of token.children ?? []) {
        if (part.type === "code_inline") part.children = [{ type: "text", content: part.content, children: null }];
      }
    }
  });
}
