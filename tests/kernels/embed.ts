/** One run of an embedding kernel: shared by the embed-*.test.ts files. */
import { expect } from 'vitest';
import { blobLayout } from '../../src/kernels/blob-layout.ts';
import { embed } from '../../src/kernels/embed.ts';
import type { GpuMatrix, Storage } from '../../src/kernels/matrix.ts';
import { type EmbedCase, embedData } from '../../src/reference/lookup.ts';
import { expectClose, type Lab } from './harness.ts';

/** Holds a case to its oracle: equal but for the one rounding to f32, where no more is done. */
export async function checkEmbed(lab: Lab, testCase: EmbedCase): Promise<void> {
  const { weights: storage, vocabulary, cols, rows, shard } = testCase;
  const data = embedData(testCase);
  const h = lab.buffer(data.h);
  const outputs = shard?.count ?? vocabulary;
  const table: GpuMatrix = {
    storage,
    outputs: vocabulary,
    cols,
    paired: false,
    numExperts: undefined,
    shared: false,
    shards: [
      {
        buffer: lab.buffer(data.table),
        firstExpert: 0,
        numExperts: 1,
        firstOutput: shard?.first ?? 0,
        outputs,
        layout: blobLayout(storage, outputs, cols),
      },
    ],
  };
  await lab.run({ position: 0, rows }, (recorder) => embed(recorder, { ids: lab.buffer(data.ids), table, h }));
  const found = await lab.floats(h, data.expected.length);
  if (roundsOnce(storage)) expect(Array.from(found)).toEqual(Array.from(data.expected, Math.fround));
  else expectClose(found, data.expected);
}

/** Every decoded weight is one exact product, or has one rounded operation; but f32 scales and biases take two. */
function roundsOnce(storage: Storage): boolean {
  return storage.kind !== 'affine' || storage.scale !== 'F32';
}
