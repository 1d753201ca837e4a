import { JSX, type CommentDisplayPart, type DefaultThemeRenderContext, type ProjectReflection } from "typedoc";

import { documentOf } from "./documents.ts";
import { GUIDE_GROUPS, NOT_ON_HOME, type GuideGroup } from "./guides.ts";

const SECTION = "\n## ";

/** In the README: the list of guides, for which the site has cards. */
const GUIDES = "\n## Guides\n";

/** The home page: how the README begins, a card for each guide, and the rest of the README. */
export function frontPage(context: DefaultThemeRenderContext, project: ProjectReflection): JSX.Element {
  const [lead, rest] = splitBefore(SECTION, project.readme ?? []);
  const [text] = splitBefore(GUIDES, rest);
  const groups = GUIDE_GROUPS.filter(({ title }) => !NOT_ON_HOME.has(title));
  return JSX.createElement(
    JSX.Fragment,
    null,
    prose(context, lead),
    JSX.createElement("div", { class: "cards" }, ...groups.map((group) => cards(context, project, group))),
    prose(context, text),
  );
}

function prose(context: DefaultThemeRenderContext, parts: readonly CommentDisplayPart[]): JSX.Element {
  const html = context.markdown(parts);
  return JSX.createElement("div", { class: "tsd-panel tsd-typography" }, JSX.createElement(JSX.Raw, { html }));
}

/** What stands before the first `mark`, and what from there on. */
function splitBefore(
  mark: string,
  parts: readonly CommentDisplayPart[],
): [before: CommentDisplayPart[], after: CommentDisplayPart[]] {
  const index = parts.findIndex(({ kind, text }) => kind === "text" && text.includes(mark));
  const part = parts[index];
  if (part?.kind !== "text") return [[...parts], []];
  const at = part.text.indexOf(mark);
  return [
    [...parts.slice(0, index), { ...part, text: part.text.slice(0, at) }],
    [{ ...part, text: part.text.slice(at) }, ...parts.slice(index + 1)],
  ];
}

function cards(
  context: DefaultThemeRenderContext,
  project: ProjectReflection,
  { title, guides }: GuideGroup,
): JSX.Element {
  const id = context.slugger.slug(title);
  context.page.pageHeadings.push({ link: `#${id}`, text: title, level: 2 });
  return JSX.createElement(
    "section",
    { class: "tsd-typography" },
    JSX.createElement("h2", { id }, title),
    JSX.createElement(
      "ul",
      null,
      guides.flatMap(({ file, about }) => {
        const document = documentOf(project, file);
        if (document === undefined) return [];
        return [
          JSX.createElement(
            "li",
            null,
            JSX.createElement("a", { href: context.urlTo(document) }, document.name),
            JSX.createElement("p", null, about),
          ),
        ];
      }),
    ),
  );
}
