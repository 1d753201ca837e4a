/** A text that is hard to read. */
interface LowContrast {
  readonly element: string;
  readonly text: string;
  readonly colours: string;
  readonly ratio: number;
}

/** What was found on one page. */
export interface ContrastReport {
  /** How many different pairs of colours the texts of the page have. */
  readonly pairs: number;
  readonly low: readonly LowContrast[];
}

/**
 * Compares every text of the page with what is behind it, one text for each pair of colours. Runs in the page: it can use nothing from outside.
 */
export function lowContrast(least: number): ContrastReport {
  type Colour = readonly [red: number, green: number, blue: number, alpha: number];
  const seen = new Set<string>();
  const low: LowContrast[] = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    const text = node.textContent?.trim() ?? "";
    if (element === null || text === "" || !isVisible(element)) continue;
    const behind = backgroundOf(element);
    const front = over(colourOf(getComputedStyle(element).color), behind);
    const colours = `${front.slice(0, 3).map(Math.round).join(",")} on ${behind.slice(0, 3).map(Math.round).join(",")}`;
    if (seen.has(colours)) continue;
    seen.add(colours);
    const ratio = ratioOf(front, behind);
    if (ratio < least)
      low.push({ element: nameOf(element), text: text.slice(0, 40), colours, ratio: Math.floor(ratio * 100) / 100 });
  }
  return { pairs: seen.size, low };

  function isVisible(element: Element): boolean {
    return (
      element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) &&
      element.closest("script, style, svg") === null
    );
  }

  function backgroundOf(element: Element): Colour {
    const layers: Colour[] = [];
    for (let one: Element | null = element; one !== null; one = one.parentElement) {
      const colour = colourOf(getComputedStyle(one).backgroundColor);
      layers.push(colour);
      if (colour[3] >= 1) break;
    }
    return layers.reduceRight<Colour>((below, layer) => over(layer, below), [255, 255, 255, 1]);
  }

  function colourOf(css: string): Colour {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (css.match(/[\d.]+/g) ?? []).map(Number);
    return [red, green, blue, alpha];
  }

  function over([red, green, blue, alpha]: Colour, below: Colour): Colour {
    const mix = (top: number, bottom: number) => top * alpha + bottom * (1 - alpha);
    return [mix(red, below[0]), mix(green, below[1]), mix(blue, below[2]), 1];
  }

  function ratioOf(a: Colour, b: Colour): number {
    const [bright, dark] = [luminance(a), luminance(b)].toSorted((x, y) => y - x);
    return ((bright ?? 0) + 0.05) / ((dark ?? 0) + 0.05);
  }

  function luminance([red, green, blue]: Colour): number {
    const linear = (channel: number) => {
      const value = channel / 255;
      return value <= 0.040_45 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    };
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  }

  function nameOf(element: Element): string {
    const parts: string[] = [];
    for (let one: Element | null = element; one !== null && parts.length < 3; one = one.parentElement) {
      parts.unshift(
        `${one.tagName.toLowerCase()}${one.className === "" ? "" : `.${one.className.split(" ").join(".")}`}`,
      );
    }
    return parts.join(" > ");
  }
}
