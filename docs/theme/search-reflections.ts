import {
  ReflectionKind,
  type Comment,
  type CommentDisplayPart,
  type DeclarationReflection,
  type Reflection,
  type Router,
} from "typedoc";

import { placeOf } from "./place-of.ts";
import type { SearchEntry } from "./search-entry.ts";

/** How likely it is that somebody means a thing of this kind; what belongs to it counts a little less. */
const WEIGHTS = new Map<ReflectionKind, number>([
  [ReflectionKind.Class, 1.5],
  [ReflectionKind.Function, 1.5],
  [ReflectionKind.Module, 1],
  [ReflectionKind.Interface, 1],
  [ReflectionKind.Variable, 1.1],
  [ReflectionKind.TypeAlias, 0.7],
]);

const MEMBER = 0.9;
const OPTION = 2;

/** What stands before a part of a comment, where it would not be understood without. */
const LABELS: ReadonlyMap<string, string> = new Map([
  ["@defaultValue", "Default: "],
  ["@throws", "Throws "],
]);

/** An option is explained where it is given to a server. */
const OPTIONS = /(?:Server|Admission|Pool|Async|Threading|Forking)Options$/;
const RESOLVED = /^Resolved/;

/** What people write themselves begins with less; what only authors of servers need stands under this heading. */
const FOR_AUTHORS = /^For authors/;

/** What a page of the reference gives to find: itself, and the members that it does not inherit. */
export function reflectionEntries(page: DeclarationReflection, router: Router): SearchEntry[] {
  const section = page.parent?.isDeclaration()
    ? page.parent.categories?.find(({ children }) => children.includes(page))
    : undefined;
  const weight = (WEIGHTS.get(page.kind) ?? 1) * (section !== undefined && FOR_AUTHORS.test(section.title) ? 0.6 : 1);
  const isOptions = OPTIONS.test(page.name) && !RESOLVED.test(page.name);
  const entries = [entryOf(page, router, weight)];
  if (page.kindOf(ReflectionKind.Module)) return entries;
  page.traverse((child) => {
    entries.push(...memberEntries(child, router, isOptions ? weight * OPTION : weight * MEMBER));
    return true;
  });
  return entries;
}

function memberEntries(member: Reflection, router: Router, weight: number): SearchEntry[] {
  if (!member.isDeclaration() || member.inheritedFrom !== undefined || member.flags.isExternal) return [];
  const own = !member.kindOf(ReflectionKind.TypeLiteral | ReflectionKind.Constructor);
  const entries = own ? [entryOf(member, router, weight)] : [];
  member.traverse((child) => {
    entries.push(...memberEntries(child, router, weight));
    return true;
  });
  return entries;
}

function entryOf(reflection: DeclarationReflection, router: Router, weight: number): SearchEntry {
  const isMember = !isExport(reflection);
  return {
    name: reflection.name,
    within: isMember ? pathOf(reflection) : "",
    kind: ReflectionKind.singularString(reflection.kind).toLowerCase(),
    url: router.getFullUrl(placeOf(reflection, router)),
    text: commentsOf(reflection).map(textOf).join(" ").replaceAll(/\s+/g, " "),
    keywords: [],
    about: "",
    weight,
  };
}

/** Whether a thing has a page of its own. */
function isExport(reflection: DeclarationReflection): boolean {
  return reflection.kindOf(ReflectionKind.Module) || reflection.parent?.kindOf(ReflectionKind.Module) === true;
}

/** The names that lead to a member, without the type literals between. */
function pathOf(member: Reflection): string {
  const names: string[] = [];
  for (let one = member.parent; one !== undefined && !one.kindOf(ReflectionKind.Module); one = one.parent) {
    if (!one.kindOf(ReflectionKind.TypeLiteral)) names.unshift(one.name);
  }
  return names.join(".");
}

function commentsOf(reflection: DeclarationReflection): Comment[] {
  return [reflection, ...reflection.getAllSignatures()].flatMap(({ comment }) =>
    comment === undefined ? [] : [comment],
  );
}

function textOf({ summary, blockTags }: Comment): string {
  return [partsOf(summary), ...blockTags.map(({ tag, content }) => `${LABELS.get(tag) ?? ""}${partsOf(content)}`)].join(
    " ",
  );
}

function partsOf(parts: readonly CommentDisplayPart[]): string {
  return parts.map(({ text }) => text.replaceAll(/```\w*|`/g, "")).join("");
}
