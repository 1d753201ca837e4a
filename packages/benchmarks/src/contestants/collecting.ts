/**
 * Loaded before a contestant whose memory is measured: collects garbage again and again, and gives back what that leaves empty, so that what remains is
 * what is needed.
 *
 *     node --expose-gc --import ./collecting.ts net-data.ts
 *
 * @module
 */
const PERIOD_MS = 250;

const collect = gc;
if (collect === undefined) throw new Error("Cannot collect garbage: start node with --expose-gc");
// Collecting once and by the book keeps pages in reserve, and gives them back after a second or two.
setInterval(() => collect({ type: "major", execution: "sync", flavor: "last-resort" }), PERIOD_MS).unref();
