import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");

/** Collect all garbage now, so that two sizes of the heap can be compared. */
export const collectGarbage = runInNewContext("gc") as () => void;
