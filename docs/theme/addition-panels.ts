import { JSX, type DeclarationReflection, type DefaultThemeRenderContext, type Reflection } from "typedoc";

import { placeOf } from "./place-of.ts";
import { additionsOf, type Addition } from "./origins.ts";

/** Puts what the mixins of a class add, or what a mixin adds, between what is rendered already. */
export function additionPanels(
  context: DefaultThemeRenderContext,
  reflection: Reflection,
  after: JSX.Children[],
  before: JSX.Children[] = [],
): JSX.Element {
  const panels = additionsOf(reflection).map((addition) => panel(context, reflection, addition));
  return JSX.createElement(JSX.Fragment, null, ...before, ...panels, ...after);
}

function panel(context: DefaultThemeRenderContext, reflection: Reflection, addition: Addition): JSX.Element {
  const { mixin, members, options } = addition;
  const title = reflection.name === mixin ? "What it adds" : `What ${mixin} adds`;
  const id = context.slugger.slug(title);
  context.page.pageHeadings.push({ link: `#${id}`, text: title });
  const rows = [...optionsOf(options), ...(members.children ?? []).filter(({ name }) => name !== "options")];
  return JSX.createElement(
    "section",
    { class: "tsd-panel added" },
    JSX.createElement("h2", { id, class: "tsd-anchor-link" }, title),
    JSX.createElement(
      "dl",
      { class: "tsd-member-summaries" },
      rows.map((row) => summary(context, row, options)),
    ),
  );
}

/** The options under the key of a mixin, each with a link to where it is explained. */
function optionsOf(options: DeclarationReflection | undefined): DeclarationReflection[] {
  return (options?.children ?? []).flatMap((key) => nestedIn(key));
}

function nestedIn(key: DeclarationReflection): DeclarationReflection[] {
  const found: DeclarationReflection[] = [];
  key.type?.visit({
    intersection: ({ types }) => {
      for (const type of types) type.visit({ reflection: take, reference: takeTarget });
    },
    reflection: take,
    reference: takeTarget,
  });
  return found;

  function take({ declaration }: { declaration: DeclarationReflection }): void {
    found.push(...(declaration.children ?? []));
  }

  function takeTarget({ reflection }: { reflection: Reflection | undefined }): void {
    if (reflection?.isDeclaration()) found.push(...(reflection.children ?? []));
  }
}

function summary(
  context: DefaultThemeRenderContext,
  row: DeclarationReflection,
  options: DeclarationReflection | undefined,
): JSX.Element {
  const isOption = row.parent?.name !== undefined && !row.parent.name.endsWith("Members");
  const key = options?.children?.[0]?.name;
  const name =
    isOption && key !== undefined ? `${key}.${row.name}` : `${row.name}${row.signatures === undefined ? "" : "()"}`;
  return JSX.createElement(
    JSX.Fragment,
    null,
    JSX.createElement(
      "dt",
      { class: "tsd-member-summary" },
      JSX.createElement(
        "span",
        { class: "tsd-member-summary-name" },
        context.reflectionIcon(row),
        JSX.createElement("a", { href: context.urlTo(placeOf(row, context.router)) }, name),
      ),
    ),
    JSX.createElement("dd", { class: "tsd-member-summary" }, context.commentShortSummary(row)),
  );
}
