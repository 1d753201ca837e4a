/**
 * What the diagrams are drawn with: a few shapes, one style sheet.
 *
 * They are as wide as a telephone, and no letter is smaller than 12 pixels, so that nobody has to zoom. The colours are in the style sheet, because an
 * image on a page knows of dark and light only what the browser tells it.
 *
 * @module
 */

export const WIDTH = 343;

const STYLE = `text{font:12px system-ui,sans-serif;fill:#1f2328}
.code{font:12px ui-monospace,Menlo,Consolas,monospace}.note{fill:#59636e}.strong{font-weight:600}
.middle{text-anchor:middle}.end{text-anchor:end}
.line{stroke:#59636e;fill:none}.head{fill:#59636e}.dashed{stroke-dasharray:4 3}
.band{fill:#f0f3f6}.other{fill:#f3ecfd}
.box{fill:#fff;stroke:#1f6feb}.own{fill:#fff;stroke:#8250df}.event{fill:#fff;stroke:#1a7f37;stroke-dasharray:4 3}
.busy{fill:#1f6feb}.waits{fill:none;stroke:#1f6feb}.held{fill:#d1d9e0}.cut{stroke:#cf222e;stroke-width:2;fill:none}
.second{fill:#8250df}.bad{fill:#cf222e}.good{fill:#1a7f37}
@media (prefers-color-scheme: dark){text{fill:#e6edf3}.note{fill:#9da7b3}.line{stroke:#9da7b3}.head{fill:#9da7b3}
.band{fill:#1c2430}.other{fill:#2a2140}.box{fill:#0d1117;stroke:#58a6ff}.own{fill:#0d1117;stroke:#bc8cff}.event{fill:#0d1117;stroke:#3fb950}
.busy{fill:#388bfd}.waits{stroke:#58a6ff}.held{fill:#3d4652}.cut{stroke:#ff7b72}.second{fill:#a371f7}.bad{fill:#ff7b72}.good{fill:#3fb950}}`;

/** One picture, with what it shows in words for whoever cannot see it. */
export interface Picture {
  readonly title: string;
  readonly description: string;
  readonly height: number;
  readonly shapes: readonly string[];
}

/** The picture as SVG. */
export function svg({ title, description, height, shapes }: Picture): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" \
role="img" aria-labelledby="title description">
<title id="title">${escaped(title)}</title>
<desc id="description">${escaped(description)}</desc>
<style>${STYLE}</style>
${shapes.join("\n")}
</svg>
`;
}

/** Text, with its baseline at `y`; `classes` of the style sheet. */
export function label(x: number, y: number, words: string, classes = ""): string {
  return `<text${classes === "" ? "" : ` class="${classes}"`} x="${x}" y="${y}">${escaped(words)}</text>`;
}

/** Where a rectangle stands. */
export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A rectangle, with round corners. */
export function box({ x, y, width, height }: Area, classes: string, radius = 4): string {
  return `<rect class="${classes}" x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}"/>`;
}

/** A line, by the commands of a path. */
export function line(commands: string, classes = "line"): string {
  return `<path class="${classes}" d="${commands}"/>`;
}

/** Where an arrow goes. */
export type Direction = "right" | "left" | "down" | "up";

const HEADS: Readonly<Record<Direction, string>> = {
  right: "l-6 -3.5v7z",
  left: "l6 -3.5v7z",
  down: "l-3.5 -6h7z",
  up: "l-3.5 6h7z",
};

/** The head of an arrow, with its point there. */
export function head(x: number, y: number, direction: Direction): string {
  return `<path class="head" d="M${x} ${y}${HEADS[direction]}"/>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
