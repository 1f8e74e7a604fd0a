/** What all plots share: axes in the page's ink and type. */
import type uPlot from 'uplot';
import { formatPower } from '../units.ts';
import { cssColor } from './colors.ts';

/** A linear axis. @param title may be empty; @param size px for the ticks' labels */
export function linearAxis(title: string, format: (value: number) => string, size: number): uPlot.Axis {
  return axis(title, size, (splits) => splits.map(format));
}

/** A logarithmic axis with lines and labels at powers of ten only. */
export function logAxis(title: string, size: number): uPlot.Axis {
  const filter: uPlot.Axis.Filter = (_plot, splits) => splits.map((value) => (isPower(value) ? value : null));
  const { grid, ticks, ...rest } = axis(title, size, (splits) =>
    splits.map((value) => (value !== null && isPower(value) ? formatPower(value) : null)),
  );
  return { ...rest, filter, grid: { ...grid, filter }, ticks: { ...ticks, filter } };
}

function axis(title: string, size: number, label: (splits: number[]) => (string | null)[]): uPlot.Axis {
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  return {
    ...(title === '' ? {} : { label: title, labelFont: font, labelSize: 20 }),
    font,
    size,
    stroke: cssColor('--soft'),
    grid: { stroke: cssColor('--line'), width: 1 },
    ticks: { stroke: cssColor('--line'), width: 1, size: 4 },
    values: (_plot, splits) => label(splits),
  };
}

const isPower = (value: number): boolean => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9;

/** Keeps a plot as large as its place; draws it for the first time once the place has a size. */
export function watchSize(place: HTMLElement, draw: (width: number, height: number) => void): void {
  let last = '';
  new ResizeObserver(() => {
    const { clientWidth, clientHeight } = place;
    if (clientWidth === 0 || `${clientWidth} ${clientHeight}` === last) return;
    last = `${clientWidth} ${clientHeight}`;
    draw(clientWidth, clientHeight);
  }).observe(place);
}
