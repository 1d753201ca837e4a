import type { EventFacts } from "./events.ts";
import { fillTemplate, linkTo } from "./page.ts";

/** What stands on the page of events. */
export interface EventsPageParts {
  readonly template: string;
  readonly server: readonly EventFacts[];
  readonly client: readonly EventFacts[];
  /** What the packages export, as `exportsOf()` answers. */
  readonly exported: ReadonlyMap<string, string>;
}

/** The page of events. */
export function eventsPage({ template, server, client, exported }: EventsPageParts): string {
  const links = new Map([...exported].map(([key, link]) => [key.split(" ")[1] ?? "", link]));
  return fillTemplate(template, {
    server: server.map((event) => section(event, links, `socketserver:${event.name}`)).join("\n\n"),
    client: client.map((event) => section(event, links)).join("\n\n"),
  });
}

function section(
  { name, parameters, doc, link }: EventFacts,
  links: ReadonlyMap<string, string>,
  channel?: string,
): string {
  const given = parameters.map(({ name: each, type }) => {
    const typeLink = links.get(type);
    return `\`${each}\`, ${typeLink === undefined ? `\`${type}\`` : linkTo(typeLink, type)}`;
  });
  return [
    `### ${name}`,
    "",
    doc,
    "",
    `* ${linkTo(link, `${name}(${parameters.map(({ name: each }) => each).join(", ")})`)}`,
    ...given.map((each) => `* ${each}`),
    ...(channel === undefined ? [] : [`* diagnostics channel \`${channel}\``]),
  ].join("\n");
}
