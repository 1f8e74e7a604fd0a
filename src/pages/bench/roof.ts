/** The roofline: what an adapter allows at most, by memory and by arithmetic. Pure. */
import type { Roofline } from '../../bench/results.ts';

/** Work that moves bytes and does operations in some time. */
export interface Work {
  readonly seconds: number;
  readonly bytes: number;
  readonly flops: number;
}

/** Operations per byte. Infinity where nothing is moved. */
export const intensityOf = ({ flops, bytes }: Work): number => flops / bytes;

/** Operations per second that the roofs allow at this intensity (operations per byte). */
export function attainable({ readRate, flopRate }: Roofline, intensity: number): number {
  return Math.min(flopRate, readRate * intensity);
}

/** Which roof is the lower one for this work. */
export function boundBy({ readRate, flopRate }: Roofline, { bytes, flops }: Work): 'memory' | 'arithmetic' {
  return bytes / readRate >= flops / flopRate ? 'memory' : 'arithmetic';
}
