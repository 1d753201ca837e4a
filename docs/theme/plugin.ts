/**
 * What typedoc does differently for this site: the documents and their order, addresses that can be read aloud, where the members of a
 * server come from, the front page, and the search.
 *
 * @module
 */
import { Application, DocumentReflection, PageEvent, RendererEvent, type ProjectReflection } from "typedoc";

import { addLinkedSources, documentFiles, nameDocuments } from "./documents.ts";
import { headingsWithCode } from "./headings-with-code.ts";
import { arrangeModules } from "./modules.ts";
import { tellOrigins } from "./origins.ts";
import { writeSearch } from "./search-index.ts";
import { SiteRouter } from "./site-router.ts";
import { SiteTheme } from "./site-theme.ts";

/** In HTML: a link to a place of the same page, and its text. */
const OWN_LINK = /<a [^>]*?href="#([^"]+)"[^>]*>(.*?)<\/a>/gs;

/** typedoc links the members of some types to places that it does not make. */
function withoutDeadLinks(page: PageEvent): void {
  // What we wrote ourselves has to be right: a check says so.
  if (page.model instanceof DocumentReflection || page.url === "index.html") return;
  const { contents = "" } = page;
  page.contents = contents.replaceAll(OWN_LINK, (link, id: string, text: string) =>
    contents.includes(` id="${id}"`) ? link : text,
  );
}

/** The priority of what changes names: links are resolved by the old ones. */
const AFTER_ALL = -100_000;

function arrange(project: ProjectReflection): void {
  nameDocuments(project);
  addLinkedSources(project);
  arrangeModules(project);
  tellOrigins(project);
}

/** Called by typedoc. */
export function load(app: Application): void {
  app.renderer.defineRouter("site", SiteRouter);
  app.renderer.defineTheme("site", SiteTheme);
  app.on(Application.EVENT_BOOTSTRAP_END, () => {
    // Each package is converted by an application of its own, which has no documents.
    if (app.options.getValue("entryPointStrategy") === "packages") {
      app.options.setValue("projectDocuments", documentFiles());
      app.options.setValue("markdownItLoader", headingsWithCode);
    }
  });
  app.on(Application.EVENT_PROJECT_REVIVE, arrange, AFTER_ALL);
  app.renderer.on(PageEvent.END, withoutDeadLinks);
  app.renderer.on(RendererEvent.BEGIN, () => writeSearch(app.renderer));
}
