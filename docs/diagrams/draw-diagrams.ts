/**
 * Draws the diagrams of the guides. They are kept in git, so that whoever reads the guides there sees them; a test holds them to what is drawn here.
 *
 * @module
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { PICTURES } from "./pictures.ts";

for (const [name, draw] of Object.entries(PICTURES)) await writeFile(join(import.meta.dirname, name), draw());
