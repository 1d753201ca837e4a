import MiniSearch, { type SearchResult } from "minisearch";

import type { SearchEntry } from "../search-entry.ts";

declare global {
  interface Window {
    /** The entries of the search, compressed. */
    readonly searchEntries?: string;
  }
}

/** Words that a question has and an answer need not have. */
const STOP_WORDS = new Set(
  "a an and are be by can do does for from how i in is it its my of on or the there this to what when where which who why with you your".split(
    " ",
  ),
);

/** A name: letters, digits, and what joins them. */
const WORDS = /[\p{L}\p{N}_$]+/gu;

const PARTS = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g;

const MOST = 12;

/** What is asked for by its whole name counts so much more than what is only similar, and what begins with it so much. */
const EXACT = 20;
const BEGINS = 2;

const WORDS_OF_A_QUESTION = 3;
const GUIDE = 6;
const SECTION = 4;

let index: Promise<MiniSearch<SearchEntry & { id: number }>> | undefined;

/** The entries that a query finds, the best first. */
export async function search(query: string): Promise<SearchResult[]> {
  const wanted = query.trim().toLowerCase();
  if (wanted === "") return [];
  index ??= load();
  const found = (await index).search(query, { combineWith: "AND" });
  const results = found.length > 0 ? found : (await index).search(query, { combineWith: "OR" });
  return (
    results
      .map((result) => ({ ...result, score: result.score * bonus(result, wanted) }))
      // The guide that has the query as a keyword was made for it.
      .toSorted((a, b) => Number(hasKeyword(b, wanted)) - Number(hasKeyword(a, wanted)) || b.score - a.score)
      .slice(0, MOST)
  );
}

/** Whoever asks in words is answered by a guide; whoever types a name means that. */
function isQuestion(query: string): boolean {
  return query.split(/\s+/).length >= WORDS_OF_A_QUESTION;
}

function bonus(result: SearchResult, wanted: string): number {
  const entry = result as unknown as SearchEntry;
  const name = entry.name.toLowerCase();
  const exact = name === wanted || `${entry.within}.${entry.name}`.toLowerCase() === wanted;
  if (isQuestion(wanted))
    return entry.weight * (entry.kind === "guide" ? GUIDE : entry.kind === "section" ? SECTION : 1);
  return entry.weight * (exact ? EXACT : name.startsWith(wanted) ? BEGINS : 1);
}

function hasKeyword(result: SearchResult, wanted: string): boolean {
  return (result as unknown as SearchEntry).keywords.includes(wanted);
}

async function load(): Promise<MiniSearch<SearchEntry & { id: number }>> {
  const engine = new MiniSearch<SearchEntry & { id: number }>({
    fields: ["name", "keywords", "about", "within", "text"],
    storeFields: ["name", "within", "kind", "url", "text", "keywords", "about", "weight"],
    extractField: (entry, field) => {
      const value = entry[field as keyof SearchEntry];
      return Array.isArray(value) ? value.join(" ") : (value as string);
    },
    tokenize: words,
    processTerm: termsOf,
    searchOptions: {
      boost: { name: 6, keywords: 6, about: 5, within: 2 },
      // A long text is not a worse one.
      bm25: { k: 1.2, b: 0.3, d: 0.5 },
      processTerm: (word) => termsOf(word).at(-1) ?? null,
      prefix: (word) => word.length > 2,
      fuzzy: (word) => (word.length > 4 ? 0.2 : false),
      tokenize: (query) => query.match(WORDS) ?? [],
    },
  });
  const entries = await unpack(window.searchEntries ?? "");
  await engine.addAllAsync(entries.map((entry, id) => ({ ...entry, id })));
  return engine;
}

/** What a word is found by: itself, and without its ending if it is a word and no name. */
function termsOf(word: string): string[] {
  const term = word.toLowerCase();
  if (STOP_WORDS.has(term)) return [];
  const stem = /^[a-z]{4,}$/.test(word) ? term.replace(/(?:ing|es|ed|s|e)$/, "") : term;
  return stem === term ? [term] : [term, stem];
}

/** Each name as it is, and its parts: `idleTimeoutMs` is found by `timeout`. */
function words(text: string): string[] {
  return (text.match(WORDS) ?? []).flatMap((word) => {
    const parts = word.match(PARTS) ?? [];
    return parts.length > 1 ? [word, ...parts] : [word];
  });
}

async function unpack(data: string): Promise<SearchEntry[]> {
  const bytes = Uint8Array.from(atob(data), (character) => character.codePointAt(0) ?? 0);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return (await new Response(stream).json()) as SearchEntry[];
}
