/** One run of an embedding kernel: shared by embed-float.test.ts and embed-int4.test.ts. */
import { expect } from 'vitest';
import { embed } from '../../src/kernels/embed.ts';
import type { Storage } from '../../src/kernels/matrix.ts';
import type { EmbedCase, EmbedData } from '../../src/reference/embed-float.ts';
import { expectClose, type Lab } from './harness.ts';

/** Floats and int4 with 16-bit scales come out exactly; f32 scales take one rounding. */
export async function checkEmbed(
  lab: Lab,
  testCase: EmbedCase,
  data: EmbedData,
  storage: Storage,
  layout: { scalesAt: number; zerosAt: number },
): Promise<void> {
  const { vocabulary, cols, rows, shard } = testCase;
  const h = lab.buffer(data.h);
  const shards = [
    {
      buffer: lab.buffer(data.table),
      firstExpert: 0,
      numExperts: 1,
      firstOutput: shard?.first ?? 0,
      outputs: shard?.count ?? vocabulary,
      layout: { ...layout, length: data.table.length },
    },
  ];
  const table = { storage, outputs: vocabulary, cols, paired: false, numExperts: undefined, shards };
  await lab.run({ position: 0, rows }, (recorder) => embed(recorder, { ids: lab.buffer(data.ids), table, h }));
  const found = await lab.floats(h, data.expected.length);
  const exact = storage.kind === 'float' || storage.scale !== 'F32';
  if (exact) expect(Array.from(found)).toEqual(Array.from(data.expected));
  else expectClose(found, data.expected);
}
