import {
  DefaultTheme,
  DefaultThemeRenderContext,
  JSX,
  ReflectionKind,
  type DeclarationReflection,
  type NavigationElement,
  type ProjectReflection,
  type ReflectionCategory,
} from "typedoc";

import { additionPanels } from "./addition-panels.ts";
import { documentOf } from "./documents.ts";
import { frontPage } from "./front-page.ts";
import { GUIDE_GROUPS } from "./guides.ts";
import { modulesOf, shortName } from "./modules.ts";
import { openAtFirst } from "./open-at-first.ts";

/** How a page of this site is rendered, where it is not as typedoc does. */
class SiteContext extends DefaultThemeRenderContext {
  constructor(...page: ConstructorParameters<typeof DefaultThemeRenderContext>) {
    super(...page);
    const { index, reflectionTemplate } = this;
    this.index = (reflection) => additionPanels(this, reflection, [index(reflection)]);
    this.indexTemplate = (event) => frontPage(this, event.project);
    this.reflectionTemplate = (event) =>
      event.model.kindOf(ReflectionKind.Function)
        ? additionPanels(this, event.model, [], [reflectionTemplate(event)])
        : reflectionTemplate(event);
  }
}

/** The theme of the site: typedoc's own, with the navigation of a book. */
export class SiteTheme extends DefaultTheme {
  override ContextClass = SiteContext;

  override async preRender(...event: Parameters<DefaultTheme["preRender"]>): Promise<void> {
    await super.preRender(...event);
    this.owner.hooks.on("body.begin", () => openAtFirst());
    this.owner.hooks.on("head.end", (context) =>
      JSX.createElement("script", { defer: true, src: context.relativeURL("assets/site.js", true) }),
    );
  }

  override buildNavigation(project: ProjectReflection): NavigationElement[] {
    const guides = GUIDE_GROUPS.map(({ title, guides: listed }) => ({
      text: title,
      children: listed.flatMap(({ file }) => {
        const document = documentOf(project, file);
        return document === undefined ? [] : [{ text: document.name, path: this.router.getFullUrl(document) }];
      }),
    }));
    const reference = { text: "Reference", children: modulesOf(project).map((module) => this.#moduleElement(module)) };
    return [...guides.filter(({ children }) => children.length > 0), reference];
  }

  #moduleElement(module: DeclarationReflection): NavigationElement {
    const sections = module.categories ?? [];
    return {
      text: shortName(module),
      path: this.router.getFullUrl(module),
      children:
        sections.length > 0
          ? sections.map((section) => ({ text: section.title, children: this.#leaves(section) }))
          : this.#leaves(module),
    };
  }

  #leaves(parent: DeclarationReflection | ReflectionCategory): NavigationElement[] {
    return (parent.children ?? []).map((child) => ({
      text: child.name,
      path: this.router.getFullUrl(child),
      kind: child.kind,
    }));
  }
}
