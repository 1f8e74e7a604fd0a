/**
 * Data for a projection of any height at the cost of a low one: the rows of W repeat. The bytes are all there, at addresses of
 * their own, and the oracle computes each different row once.
 */

import { blobLayout } from '../../kernels/blob-layout.ts';
import type { BlobLayout } from '../../kernels/matrix.ts';
import { type ProjectionCase, type ProjectionData, projectionData } from '../../reference/projection.ts';

/** Different rows, a multiple of 8 so that every section of a blob is repeated by whole words. */
const ROWS = 64;

/** The data of `testCase`, where outputs are a multiple of 64 and y has no other columns; else as `projectionData`. */
export function repeatedProjection(testCase: ProjectionCase): ProjectionData {
  const { weights: storage, outputs, cols, tokens = 1, swiglu: paired = false, experts, yAt = 0, part } = testCase;
  if (outputs % ROWS !== 0 || outputs === ROWS || yAt !== 0 || part === 'both') return projectionData(testCase);
  const small = projectionData({ ...testCase, outputs: ROWS });
  const layoutOf = (count: number) => blobLayout(storage, paired ? 2 * count : count, cols, paired);
  const [from, to] = [layoutOf(ROWS), layoutOf(outputs)];
  const slots = experts?.count ?? 1;
  const blob = new Uint32Array(slots * to.length);
  for (let slot = 0; slot < slots; slot++) {
    const own = small.blob.subarray(slot * small.expertStride, (slot + 1) * small.expertStride);
    repeatSections(own, from, blob.subarray(slot * to.length, (slot + 1) * to.length), to, paired ? 2 : 1);
  }
  const times = outputs / ROWS;
  return {
    ...small,
    blob,
    expertStride: to.length,
    yCols: outputs,
    y: Float32Array.from(repeatRows(small.y, tokens, times)),
    expected: Float64Array.from(repeatRows(small.expected, tokens, times)),
  };
}

/** @param halves gate and up stand one after the other in each section */
function repeatSections(
  small: Uint32Array,
  from: BlobLayout,
  large: Uint32Array,
  to: BlobLayout,
  halves: number,
): void {
  const sections = [
    [0, from.scalesAt, 0, to.scalesAt],
    [from.scalesAt, from.zerosAt, to.scalesAt, to.zerosAt],
    [from.zerosAt, from.orderAt, to.zerosAt, to.orderAt],
  ] as const;
  for (const [start, end, target, targetEnd] of sections) {
    const [length, room] = [(end - start) / halves, (targetEnd - target) / halves];
    for (let half = 0; half < halves; half++) {
      const part = small.subarray(start + half * length, start + (half + 1) * length);
      for (let at = 0; at < room; at += length) large.set(part, target + half * room + at);
    }
  }
  large.set(small.subarray(from.orderAt, from.length), to.orderAt); // by columns: one for all rows
}

/** [tokens, n] -> [tokens, times * n] */
function repeatRows(values: Float32Array | Float64Array, tokens: number, times: number): number[] {
  const width = values.length / tokens;
  return Array.from({ length: tokens * times * width }, (_, at) => {
    const token = Math.floor(at / (times * width));
    return values[token * width + (at % width)]!;
  });
}
