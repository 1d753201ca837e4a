import { KindRouter, type Reflection } from "typedoc";

import { fileOf } from "./documents.ts";

/**
 * Addresses that can be read: `guides/limits.html`, `classes/core.TCPServer.html`.
 */
export class SiteRouter extends KindRouter {
  override getIdealBaseName(reflection: Reflection): string {
    if (reflection.isDocument()) {
      return fileOf(reflection)
        .replace(/^docs\//, "")
        .replace(/^generated\//, "guides/")
        .replace(/README\.md$/, "index.md")
        .replace(/^([^/]+)$/, "guides/$1")
        .replace(/\.\w+$/, "")
        .toLowerCase();
    }
    return super
      .getIdealBaseName(reflection)
      .replace("_socketserver_", "")
      .replace(/\.index(?=\.|$)/, "");
  }
}
