import { JSX } from "typedoc";

import { GUIDE_GROUPS, NOT_ON_HOME } from "./guides.ts";

/** What typedoc remembers whether a part of the navigation is open under, behind which its path stands. */
const STORED = "tsd-accordion-";

/** Opens the guides in the navigation for who comes for the first time; whoever closes a group finds it closed. */
export function openAtFirst(): JSX.Element {
  const keys = [...GUIDE_GROUPS.map(({ title }) => title).filter((title) => !NOT_ON_HOME.has(title)), "Reference"];
  const html = `try { for (const key of ${JSON.stringify(keys)}) localStorage["${STORED}" + key] ??= "true"; } catch {}`;
  return JSX.createElement("script", null, JSX.createElement(JSX.Raw, { html }));
}
