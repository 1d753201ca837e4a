import type { Reflection, Router } from "typedoc";

/** Where a reflection is explained: its own place, or that of the nearest one around it that has a place. */
export function placeOf(reflection: Reflection, router: Router): Reflection {
  let place = reflection;
  while (!router.hasUrl(place) && place.parent !== undefined) place = place.parent;
  return place;
}
