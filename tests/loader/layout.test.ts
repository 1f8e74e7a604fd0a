/** Whatever a checkpoint's matrices are, however they are cut and in whatever pieces they come: what arrives is what they mean. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dequantizeMatrix } from '../../src/checkpoint/dequantize.ts';
import type { Matrix, ModelTensors } from '../../src/checkpoint/model-tensors.ts';
import type { Tensor } from '../../src/checkpoint/tensor.ts';
import { OutriderError } from '../../src/errors.ts';
import type { GpuMatrix, Storage } from '../../src/kernels/matrix.ts';
import { readPieces } from '../../src/loader/pieces.ts';
import { bytesToRead } from '../../src/model/layout/jobs.ts';
import { type LayoutOptions, layOut, type WeightLayout } from '../../src/model/layout/layout.ts';
import { MatrixJobs } from '../../src/model/layout/matrix-jobs.ts';
import { dequantizeAffine } from '../../src/quant/affine.ts';
import { widenToF32 } from '../../src/quant/float.ts';
import { dequantizeInt4, quantizeInt4 } from '../../src/quant/int4.ts';
import { quantizeAffine } from '../../src/quant/quantize-affine.ts';
import type { ModelSource } from '../../src/storage/source.ts';
import { decodeBlob } from './decode-blob.ts';
import { FakeGpu } from './fake-gpu.ts';
import { MATRICES, STACKS } from './random-matrices.ts';
import { type ModelKinds, randomModel } from './random-model.ts';

/** A factor of the matrix' largest weight: a product may be rounded before or after its last factor. */
const ROUNDING = 2 ** -22;

const anyMatrix = fc.constantFrom(...Object.keys(MATRICES));
const options = fc.record({
  /** Bytes. */
  maxBytes: fc.integer({ min: 8, max: 20 }).map((exponent) => 2 ** exponent),
  pieceBytes: fc.integer({ min: 6, max: 16 }).map((exponent) => 2 ** exponent),
  wholeFiles: fc.boolean(),
  quantizeOnLoad: fc.constantFrom('int4', undefined),
  recipe: fc.constantFrom('int8-backbone', 'as-stored'),
} as const);
const kindsWith = (experts: string): fc.Arbitrary<ModelKinds> =>
  fc.record({
    seed: fc.integer().map(String),
    table: anyMatrix,
    attention: anyMatrix,
    dense: anyMatrix,
    experts: fc.constant(experts),
    isScaled: fc.boolean(),
  });

/** A shared expert that loading quantizes, beside routed ones that the file may have quantized already. */
const quantizedBesideStored = (
  experts: string,
): [ModelKinds, LayoutOptions & { pieceBytes: number; wholeFiles: boolean }] => [
  { seed: '0', table: 'bf16', attention: 'bf16', dense: 'bf16', experts, isScaled: false },
  { maxBytes: 256, pieceBytes: 64, wholeFiles: false, quantizeOnLoad: 'int4', recipe: 'int8-backbone' },
];

describe.each([...Object.keys(MATRICES), ...Object.keys(STACKS)])('experts stored as %s', (experts) => {
  test('arrive as what they mean, and so does the rest', async () => {
    await fc.assert(
      fc.asyncProperty(kindsWith(experts), options, async (kinds, chosen) => {
        const { builder, tensors } = randomModel(kinds);
        const source = builder.source(chosen.pieceBytes);
        const layout = layOutOrWider(tensors, chosen);
        expectReadOnce(layout);
        const gpu = await upload(source, layout, chosen.wholeFiles);
        await expectModel(tensors, layout, gpu, source);
      }),
      { numRuns: 6, examples: [quantizedBesideStored(experts)] },
    );
  });
});

/** A limit that is below a matrix' least cut must be refused with what it takes, which then suffices. */
function layOutOrWider(tensors: ModelTensors, chosen: LayoutOptions): WeightLayout {
  for (let { maxBytes } = chosen; ; ) {
    try {
      const layout = layOut(tensors, { ...chosen, maxBytes }, new MatrixJobs());
      for (const { size } of layout.buffers) expect(size).toBeLessThanOrEqual(maxBytes);
      return layout;
    } catch (error) {
      if (!(error instanceof OutriderError && error.code === 'model_too_large')) throw error;
      const { bytes } = error.details;
      expect(bytes).toBeGreaterThan(maxBytes);
      maxBytes = bytes as number;
    }
  }
}

/** However many buffers take from a tensor. */
function expectReadOnce({ jobs }: WeightLayout): void {
  const tensors = new Map(jobs.map(({ tensor }) => [`${tensor.file} ${tensor.start}`, tensor]));
  const bytes = [...tensors.values()].reduce((sum, { start, end }) => sum + end - start, 0);
  expect(bytesToRead(jobs)).toBe(bytes);
}

async function upload(source: ModelSource, { buffers, jobs }: WeightLayout, wholeFiles = false): Promise<FakeGpu> {
  const gpu = new FakeGpu(buffers);
  let loaded = 0;
  for await (const piece of readPieces(source, jobs, { wholeFiles })) {
    // Pieces are many, and each "expect" costs more than what it looks at.
    if (!(piece.loaded >= loaded)) expect.fail(`${piece.loaded} bytes after ${loaded}`);
    loaded = piece.loaded;
    gpu.take(piece);
  }
  expect(loaded).toBe(bytesToRead(jobs));
  return gpu;
}

async function expectModel(tensors: ModelTensors, { weights }: WeightLayout, gpu: FakeGpu, source: ModelSource) {
  const read = ({ file, start, end }: Tensor) => source.read(file, start, end);
  const one = (found: GpuMatrix<number>, matrix: Matrix) => expectMatrix(found, [[matrix]], gpu, read);
  await one(weights.embedTokens, tensors.embedTokens);
  await one(weights.lmHead, tensors.lmHead);
  expect(weights.lmHead === weights.embedTokens).toBe(tensors.lmHead === tensors.embedTokens);
  await expectVector(gpu.buffers[weights.norm]!, tensors.norm, read);
  for (const [index, layer] of tensors.layers.entries()) {
    const found = weights.layers[index]!;
    await expectVector(gpu.buffers[found.inputLayernorm]!, layer.inputLayernorm, read);
    await expectVector(gpu.buffers[found.postAttentionLayernorm]!, layer.postAttentionLayernorm, read);
    const parts = [layer.qProj, layer.kProj, layer.vProj];
    if (found.qkvProj.length === 1) await expectMatrix(found.qkvProj[0]!, [parts], gpu, read);
    else for (const [part, matrix] of found.qkvProj.entries()) await one(matrix, parts[part]!);
    await one(found.oProj, layer.oProj);
    const { feedForward } = layer;
    if (feedForward.kind === 'dense' || found.feedForward.kind === 'dense') {
      if (feedForward.kind !== 'dense' || found.feedForward.kind !== 'dense') throw new Error('layers of other kinds');
      const { gateProj, upProj, downProj } = feedForward;
      await expectMatrix(found.feedForward.mlp.gateUpProj, [[gateProj, upProj]], gpu, read);
      await one(found.feedForward.mlp.downProj, downProj);
      continue;
    }
    const { router, sharedExpert, experts } = found.feedForward;
    await one(router, feedForward.router);
    const { gateProj, upProj, downProj } = feedForward.sharedExpert;
    const gateUps = feedForward.experts.map(({ gateUp }) => gateUp);
    const downs = feedForward.experts.map(({ down }) => [down]);
    const own = sharedExpert ? [] : [[gateProj, upProj]]; // behind the others, where it is stored like them
    const ownDown = sharedExpert ? [] : [[downProj]];
    await expectMatrix(experts.gateUpProj, [...gateUps, ...own], gpu, read);
    await expectMatrix(experts.downProj, [...downs, ...ownDown], gpu, read);
    if (!sharedExpert) continue;
    await expectMatrix(sharedExpert.gateUpProj, [[gateProj, upProj]], gpu, read);
    await one(sharedExpert.downProj, downProj);
  }
}

type Read = Parameters<typeof dequantizeMatrix>[1];

async function expectVector(words: Uint32Array<ArrayBuffer>, tensor: Tensor, read: Read): Promise<void> {
  const wanted = widenToF32(await read(tensor), 'BF16');
  expect([...new Float32Array(words.buffer).subarray(0, wanted.length)]).toEqual([...wanted]);
}

/** @param stacks of each expert (or of one matrix) what lies over each other */
async function expectMatrix(
  found: GpuMatrix<number>,
  stacks: readonly (readonly Matrix[])[],
  gpu: FakeGpu,
  read: Read,
): Promise<void> {
  const { storage, cols, outputs, paired } = found;
  const halves = paired ? 2 : 1;
  const wanted = await Promise.all(stacks.map((matrices) => meaning(matrices, storage, read)));
  const seen = stacks.map(() => new Uint8Array(outputs));
  for (const { buffer, firstExpert, numExperts, firstOutput, outputs: taken, layout } of found.shards) {
    for (let expert = firstExpert; expert < firstExpert + numExperts; expert++) {
      const first = (expert - firstExpert) * layout.length;
      const words = gpu.buffers[buffer]!.subarray(first, first + layout.length);
      const values = decodeBlob(words, storage, layout, { rows: halves * taken, cols, paired });
      for (let half = 0; half < halves; half++) {
        const from = (half * outputs + firstOutput) * cols;
        const got = values.subarray(half * taken * cols, (half + 1) * taken * cols);
        expectClose(got, wanted[expert]!.subarray(from, from + taken * cols));
      }
      for (let output = firstOutput; output < firstOutput + taken; output++) seen[expert]![output]!++;
    }
  }
  for (const counts of seen) expect(counts.every((count) => count === 1)).toBe(true);
}

function expectClose(found: Float64Array, wanted: Float32Array): void {
  expect(found.length).toBe(wanted.length);
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const wrong = found.findIndex((value, at) => !(Math.abs(value - wanted[at]!) <= largest * ROUNDING));
  expect(wrong < 0 ? undefined : { wrong, found: found[wrong], wanted: wanted[wrong] }).toBeUndefined();
}

/** What the library of its format makes of it, or of the floats that it was quantized from; [rows, cols] over each other. */
async function meaning(matrices: readonly Matrix[], storage: Storage, read: Read): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for (const matrix of matrices) {
    const weights = await dequantizeMatrix(matrix, read);
    if (matrix.kind !== 'float' || storage.kind === 'float') parts.push(weights);
    else if (storage.kind === 'affine') {
      const dims = { ...matrix, groupSize: storage.groupSize };
      parts.push(dequantizeAffine(quantizeAffine(weights, dims), { ...dims, bits: 8 }));
    } else {
      const dims = { ...matrix, groupSize: (storage as { groupSize: number }).groupSize };
      const quantized = quantizeInt4(weights, { ...dims, symmetric: true, scaleDtype: 'BF16' });
      parts.push(dequantizeInt4(quantized, dims));
    }
  }
  const joined = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
