import type { ErrorCodeFacts } from "./error-codes.ts";
import { cell, fillTemplate, linkTo } from "./page.ts";
import { REMEDIES } from "./remedies.ts";
import type { Entry } from "./table.ts";

/** What stands on the page of errors. */
export interface ErrorsPageParts {
  readonly template: string;
  readonly codes: readonly ErrorCodeFacts[];
  readonly closeReasons: readonly Entry[];
  readonly dropReasons: readonly Entry[];
  /** Where what the packages export is documented, by its name. */
  readonly links: ReadonlyMap<string, string>;
}

/** Who is to blame, in the order of the page. */
type Blame = "arguments" | "peers" | "server" | "clients";

/** The page of errors. */
export function errorsPage({ template, codes, closeReasons, dropReasons, links }: ErrorsPageParts): string {
  const sections = (blame: Blame): string =>
    codes
      .filter((code) => blameOf(code) === blame)
      .map((code) => section(code, links))
      .join("\n\n");
  return fillTemplate(template, {
    arguments: sections("arguments"),
    peers: sections("peers"),
    server: sections("server"),
    clients: sections("clients"),
    "close reasons": table(closeReasons),
    "drop reasons": table(dropReasons),
  });
}

function blameOf({ table: name, classes }: ErrorCodeFacts): Blame {
  if (name === "ClientErrorCode") return "clients";
  if (classes.every((each) => each === "TypeError" || each === "RangeError")) return "arguments";
  return classes.some((each) => each === "PeerError" || each === "ProtocolError") ? "peers" : "server";
}

function section(code: ErrorCodeFacts, links: ReadonlyMap<string, string>): string {
  const { value, table: name, key, doc, classes, thrownBy, closeReason } = code;
  const named = classes.map((each) => {
    const link = links.get(each);
    return link === undefined ? `\`${each}\`` : linkTo(link, each);
  });
  const members = [...new Map(thrownBy.map(({ link = "", member }) => [link, member]))].map(([link, member]) =>
    linkTo(link, member.replace(".constructor", "")),
  );
  return [
    `### ${value}`,
    "",
    [doc, REMEDIES[value as keyof typeof REMEDIES]].filter((words) => words !== undefined).join(" "),
    "",
    `* \`${name}.${key}\`, carried by ${named.join(" or ")}`,
    ...(members.length > 0 ? [`* thrown by ${members.join(", ")}`] : []),
    ...(closeReason === undefined ? [] : [`* close reason, if the handler lets it pass: ${closeReason}`]),
  ].join("\n");
}

function table(entries: readonly Entry[]): string {
  return [
    "| reason | when |",
    "| --- | --- |",
    ...entries.map(({ value, doc }) => `| \`${value}\` | ${cell(doc)} |`),
  ].join("\n");
}
