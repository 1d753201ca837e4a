import { JSX, type DefaultThemeRenderContext, type ProjectReflection } from "typedoc";

import { documentOf } from "./documents.ts";
import { GUIDE_GROUPS, NOT_ON_HOME, type GuideGroup } from "./guides.ts";

/** The home page: its text, and a card for each guide. */
export function frontPage(
  context: DefaultThemeRenderContext,
  project: ProjectReflection,
  text: JSX.Children,
): JSX.Element {
  const groups = GUIDE_GROUPS.filter(({ title }) => !NOT_ON_HOME.has(title));
  return JSX.createElement(
    JSX.Fragment,
    null,
    text,
    JSX.createElement("div", { class: "cards" }, ...groups.map((group) => cards(context, project, group))),
  );
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
