/**
 * The plot of one answer: its main figure, each contestant's as so many times ours.
 *
 * Written by hand, since a few bars are all it has. The names stand above the bars, so that it is no wider than a telephone. The
 * colours are in its style sheet, because an image on a page knows of dark and light only what the browser tells it.
 *
 * @module
 */
import type { Answer } from "./report.ts";

/** One contestant, as a multiple of ours. */
interface Bar {
  readonly name: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly ours: boolean;
}

const WIDTH = 343;
/** Room for the end of the longest line. */
const BARS_WIDTH = WIDTH - 2;
const TOP = 46;
const ROW = 38;
const NAME_BASELINE = 12;
const BAR_TOP = 18;
const BAR_HEIGHT = 12;
const WHISKER = 6;
/** Characters that fit in one line of the heading. */
const LINE_LENGTH = 46;

const STYLE = `text{font:12px system-ui,sans-serif;fill:#1f2328}.number{text-anchor:end}.note{font-size:11px;fill:#59636e}.bar{fill:#9aa7b4}
.ours{fill:#1f6feb}.whisker{stroke:#1f2328;stroke-width:1.5;fill:none}.one{stroke:#1f6feb;stroke-dasharray:3 3}
@media (prefers-color-scheme: dark){text{fill:#e6edf3}.number{text-anchor:end}.note{fill:#9198a1}.bar{fill:#5b6673}.ours{fill:#388bfd}
.whisker{stroke:#e6edf3}.one{stroke:#388bfd}}`;

/** Render an answer as SVG; nothing if ours was compared with nobody. */
export function plot(answer: Answer): string | undefined {
  const kind = answer.figures[0];
  const bars = barsOf(answer);
  if (kind === undefined || bars.length < 2) return undefined;
  const scale = BARS_WIDTH / Math.max(...bars.map(({ max }) => max));
  const height = TOP + bars.length * ROW + 4;
  const note = `${kind.lessIsBetter ? "Shorter" : "Longer"} is better. The lines: least and greatest round.`;
  const summary = bars.map(({ name, value }) => `${name} ${value.toFixed(2)}`).join(", ");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" \
role="img" aria-labelledby="title description">
<title id="title">${escaped(answer.title)}</title>
<desc id="description">${escaped(`${kind.unit}, as a multiple of the first: ${summary}.`)}</desc>
<style>${STYLE}</style>
${wrapped(`${kind.unit}, as a multiple of ${bars[0]?.name}`)}
<text class="note" x="0" y="42">${escaped(note)}</text>
${bars.map((bar, index) => drawn(bar, TOP + 4 + index * ROW, scale)).join("\n")}
</svg>
`;
}

/** Ours first, then the others. Theirs / ours is the reciprocal of the ratio, whose extremes change places. */
function barsOf({ figures, comparison }: Answer): Bar[] {
  const main = figures[0]?.name;
  const ours = comparison.contestants[0]?.name ?? "";
  const others = comparison.ratios.filter((each) => each.figure === main && each.ours === ours);
  return [
    { name: ours, value: 1, min: 1, max: 1, ours: true },
    ...others.map(({ against, ratio: { median, min, max } }) => {
      return { name: against, value: 1 / median, min: 1 / max, max: 1 / min, ours: false };
    }),
  ];
}

function drawn({ name, value, min, max, ours }: Bar, y: number, scale: number): string {
  const top = y + BAR_TOP;
  const middle = top + BAR_HEIGHT / 2;
  const [from, to] = [round(min * scale), round(max * scale)];
  const ends = `M${from} ${middle - WHISKER / 2}v${WHISKER}M${from} ${middle}H${to}M${to} ${middle - WHISKER / 2}v${WHISKER}`;
  const number = `<text class="number" x="${WIDTH}" y="${y + NAME_BASELINE}">${value.toFixed(2)}</text>`;
  return `<text x="0" y="${y + NAME_BASELINE}">${escaped(name)}</text>${number}
<rect class="${ours ? "ours" : "bar"}" x="0" y="${top}" width="${round(value * scale)}" height="${BAR_HEIGHT}" rx="2"/>
${ours ? "" : `<path class="one" d="M${round(scale)} ${top - 2}v${BAR_HEIGHT + 4}"/>\n<path class="whisker" d="${ends}"/>`}`;
}

/** The heading, in at most two lines. */
function wrapped(text: string): string {
  const space = text.length > LINE_LENGTH ? text.lastIndexOf(" ", LINE_LENGTH) : text.length;
  const lines = [text.slice(0, space), text.slice(space).trim()].filter((line) => line !== "");
  return lines.map((line, index) => `<text x="0" y="${12 + index * 15}">${escaped(line)}</text>`).join("\n");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
