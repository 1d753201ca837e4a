import { glob, readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { inflateSync } from "node:zlib";

/** In HTML: what an element links to or loads, and what it is called. */
const LINK = /<(?:a|img|script|link|use)\b[^>]*?\s(?:href|src)="([^"]*)"/g;
const ID = /\sid="([^"]*)"/g;

/** The files with the addresses of the search and of the navigation, compressed. */
const DATA = ["assets/search.js", "assets/navigation.js"];
const PACKED = /"([A-Za-z0-9+/=]+)"/;
const ADDRESS = /"(?:url|path)":"([^"]*)"/g;

const EXTERNAL = /^(?:[a-z]+:|\/\/)/i;

/** What was found about the links of a site. */
export interface LinkReport {
  readonly pages: readonly string[];
  /** How many links were followed. */
  readonly links: number;
  readonly problems: readonly string[];
}

/** Follows every link inside of a built site, to its file and to its place in that file. */
export async function checkSiteLinks(site: string): Promise<LinkReport> {
  const idsOf = new Map<string, ReadonlySet<string>>();
  const linksOf = new Map<string, readonly string[]>();
  for await (const name of glob("**/*", { cwd: site })) {
    const file = name.replaceAll("\\", "/");
    if (!file.endsWith(".html")) {
      idsOf.set(file, new Set());
      continue;
    }
    const html = await readFile(join(site, file), "utf8");
    idsOf.set(file, new Set([...html.matchAll(ID)].map(([, id = ""]) => decode(id))));
    linksOf.set(
      file,
      [...html.matchAll(LINK)].map(([, link = ""]) => decode(link)),
    );
  }
  for (const file of DATA)
    linksOf.set(
      file,
      (await packedAddresses(join(site, file))).map((link) => `../${link}`),
    );
  const problems = [...linksOf].flatMap(([file, links]) =>
    [...new Set(links)].flatMap((link) => problemOf(file, link, idsOf).map((problem) => `${file}: ${problem}`)),
  );
  return {
    pages: [...linksOf.keys()].filter((file) => file.endsWith(".html")).toSorted(),
    links: [...linksOf.values()].reduce((sum, links) => sum + links.length, 0),
    problems,
  };
}

function problemOf(file: string, link: string, idsOf: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  if (EXTERNAL.test(link)) return [];
  const [path = "", anchor = ""] = link.replace(/\?[^#]*/, "").split("#");
  const joined = path === "" ? file : posix.normalize(posix.join(posix.dirname(file), decodeURIComponent(path)));
  const target = /(?:^|\/)\.?$/.test(joined) ? posix.join(joined, "index.html") : joined;
  const ids = idsOf.get(target);
  if (ids === undefined) return [`links to ${link}, which is not there`];
  const place = decodeURIComponent(anchor);
  const inPage = target.endsWith(".html") && place !== "";
  return inPage && !ids.has(place) ? [`links to ${link}, which has no such place`] : [];
}

async function packedAddresses(file: string): Promise<string[]> {
  const packed = PACKED.exec(await readFile(file, "utf8"))?.[1] ?? "";
  const json = inflateSync(Buffer.from(packed, "base64")).toString("utf8");
  const addresses = [...json.matchAll(ADDRESS)].map(([, address = ""]) => address);
  // Nothing has no dead link.
  if (addresses.length === 0) throw new Error(`Cannot check links: there is no address in ${file}`);
  return addresses;
}

function decode(text: string): string {
  return text.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
