import type { EventFacts } from "./events.ts";
import { fillTemplate, linkTo } from "./page.ts";

/** What stands on the page of events. */
export interface EventsPageParts {
  readonly template: string;
  readonly server: readonly EventFacts[];
  readonly client: readonly EventFacts[];
  /** Where what the packages export is documented, by its name. */
  readonly links: ReadonlyMap<string, string>;
}

/** The page of events. */
export function eventsPage({ template, server, client, links }: EventsPageParts): string {
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
