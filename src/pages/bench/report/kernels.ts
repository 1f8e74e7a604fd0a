/** Kernels alone: every case, its rate, its share of the roofline, and whether it computes what the oracle does. Pure. */
import type { KernelResult, PartialResults, Roofline } from '../../../bench/results.ts';
import type { Comparison } from '../comparison.ts';
import { boundBy, type Work } from '../roof.ts';
import { formatError, formatIntensity, formatScaled, formatSeconds, formatShare } from '../units.ts';
import type { Cell, Table } from './table.ts';

/** One row per case, numbered as in the plot. */
export function kernelTable(results: PartialResults, comparison: Comparison | undefined): Table | undefined {
  const { kernels, roofline } = results;
  if (!kernels || !roofline) return undefined;
  return {
    id: 'kernels',
    title: 'Kernels',
    columns: ['No.', 'Kernel', 'Time', 'Rate', 'Share of the roofline', 'Error'],
    rows: kernels.map((kernel, index) => [
      { text: String(index + 1) },
      { text: kernel.case, detail: `${kernel.kernel}, ${kernel.variant}` },
      { text: formatSeconds(kernel.seconds), ratio: comparison?.kernel(kernel) },
      rateCell(roofline, kernel),
      { text: formatShare(kernel.share), bar: kernel.share, detail: `of ${boundBy(roofline, kernel)}` },
      errorCell(kernel),
    ]),
    note: 'Each kernel runs alone, many times. The error is the normalized mean square error against a computation in f64 on the processor.',
  };
}

/** What the lower roof limits comes first: bytes or operations per second. */
export function rateCell(roofline: Roofline, work: Work): Cell {
  const bytes = formatScaled(work.bytes / work.seconds, 'B/s');
  const flops = formatScaled(work.flops / work.seconds, 'FLOP/s');
  const intensity = work.flops > 0 && work.bytes > 0 ? formatIntensity(work.flops, work.bytes) : undefined;
  return boundBy(roofline, work) === 'memory' ? { text: bytes, detail: intensity } : { text: flops, detail: intensity };
}

function errorCell({ error, bound, correct }: KernelResult): Cell {
  // JSON has no NaN: what another machine computed as one comes as null.
  const text = Number.isFinite(error) ? formatError(error) : 'not a number';
  return { text, detail: `at most ${formatError(bound)}`, correct };
}
