/** Colours of a canvas, from the page's style sheet. */

/** The value of a custom property as a colour that a canvas takes; `light-dark()` is resolved on an element only. */
export function cssColor(property: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** The n-th series of a plot. */
export const seriesColor = (index: number): string => `--series-${1 + (index % 4)}`;
