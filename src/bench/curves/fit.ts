/** Straight lines through points, and how alike the chunks of a curve are. Pure. */
import type { CostCurve } from '../results.ts';

export type Point = CostCurve['points'][number];
export type Fit = CostCurve['fit'];

/** Least squares: y = start + slope * x. Of one x alone the slope is 0. */
export function fitLine(points: readonly { readonly x: number; readonly y: number }[]): Fit {
  const mean = (of: 'x' | 'y') => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [middle, level] = [mean('x'), mean('y')];
  const squares = points.reduce((sum, { x }) => sum + (x - middle) ** 2, 0);
  const products = points.reduce((sum, { x, y }) => sum + (x - middle) * (y - level), 0);
  const slope = squares === 0 ? 0 : products / squares;
  return { start: level - slope * middle, slope };
}

/** Over the position, or, given a chunk's length, over the position inside the chunk. */
export function fitCurve(points: readonly Point[], chunk = Number.POSITIVE_INFINITY): Fit {
  const inside = (position: number) => (chunk === Number.POSITIVE_INFINITY ? position : position % chunk);
  return fitLine(points.map(({ position, seconds }) => ({ x: inside(position), y: seconds })));
}

/** The largest distance of a point from the line, as a share of the line's largest value. */
export function deviation(points: readonly Point[], { start, slope }: Fit, chunk = Number.POSITIVE_INFINITY): number {
  const line = (position: number) => start + slope * (chunk === Number.POSITIVE_INFINITY ? position : position % chunk);
  const top = Math.max(...points.map(({ position }) => line(position)));
  return Math.max(...points.map(({ position, seconds }) => Math.abs(seconds - line(position)))) / top;
}

/** The largest value of each chunk, in order. */
export function chunkMaxima(points: readonly Point[], chunk: number): number[] {
  const maxima: number[] = [];
  for (const { position, seconds } of points) {
    const index = Math.floor(position / chunk);
    maxima[index] = Math.max(maxima[index] ?? 0, seconds);
  }
  return maxima;
}

/** How far the largest is above the smallest, as a share of the smallest. */
export function spread(values: readonly number[]): number {
  return Math.max(...values) / Math.min(...values) - 1;
}
