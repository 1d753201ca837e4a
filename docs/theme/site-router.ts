import { KindRouter, ReflectionKind, type DeclarationReflection, type Reflection } from "typedoc";

import { fileOf } from "./documents.ts";
import { shortName } from "./modules.ts";

/**
 * Addresses that can be read: `guides/limits.html`, `classes/core.TCPServer.html`.
 */
export class SiteRouter extends KindRouter {
  override getIdealBaseName(reflection: Reflection): string {
    if (reflection.isDocument()) return documentAddress(fileOf(reflection));
    const names: string[] = [];
    for (let one: Reflection | undefined = reflection; one !== undefined && !one.isProject(); one = one.parent) {
      const isModule = one.kindOf(ReflectionKind.Module);
      names.unshift(
        isModule ? shortName(one as DeclarationReflection).replaceAll("/", "-") : this.getUrlSafeName(one.name),
      );
    }
    return `${this.directories.get(reflection.kind)}/${names.join(".")}`;
  }
}

function documentAddress(file: string): string {
  return file
    .replace(/^docs\//, "")
    .replace(/^generated\//, "guides/")
    .replace(/README\.md$/, "index.md")
    .replace(/^([^/]+)$/, "guides/$1")
    .replace(/\.\w+$/, "")
    .toLowerCase();
}
