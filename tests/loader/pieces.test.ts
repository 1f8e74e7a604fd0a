/** Matrices of several bands, and weights that cannot be right. */
import { describe, expect, test } from 'vitest';
import { dequantizeMatrix } from '../../src/checkpoint/dequantize.ts';
import type { Matrix } from '../../src/checkpoint/model-tensors.ts';
import { blobLayout } from '../../src/kernels/blob-layout.ts';
import type { Storage } from '../../src/kernels/matrix.ts';
import { readPieces } from '../../src/loader/pieces.ts';
import { MatrixJobs } from '../../src/model/layout/matrix-jobs.ts';
import { storageOf, type WeightClass } from '../../src/model/layout/storage.ts';
import { seeded } from '../../src/reference/random.ts';
import { CheckpointBuilder } from './checkpoint-builder.ts';
import { decodeBlob } from './decode-blob.ts';
import { FakeGpu } from './fake-gpu.ts';
import { divided, MATRICES, STACKS } from './random-matrices.ts';

const int4 = ['routed experts', { quantizeOnLoad: 'int4' }] as const;
const int8 = ['attention', { recipe: 'int8-backbone' }] as const;
const asStored = ['routed experts', {}] as const;

/** One matrix as a whole, alone in a buffer. */
async function load(
  builder: CheckpointBuilder,
  matrix: Matrix,
  storage: Storage,
): Promise<{ gpu: FakeGpu; bands: number }> {
  const { rows, cols } = matrix;
  const layout = blobLayout(storage, rows, cols);
  const jobs = new MatrixJobs();
  const blob = { buffer: 0, offset: 0, layout, storage, cols };
  jobs.rows(blob, [matrix], 0, rows, 0);
  if (storage.kind === 'int4' && storage.ordered) jobs.order(blob, [matrix]);
  const gpu = new FakeGpu([{ label: 'matrix', size: layout.length * 4, classes: {} }]);
  let bands = 0;
  for await (const piece of readPieces(builder.source(1 << 20), jobs.list())) {
    bands += piece.writes.filter(({ kind }) => kind === 'band').length;
    gpu.take(piece);
  }
  return { gpu, bands };
}

describe('a matrix of several bands', () => {
  test.each([
    ['fused floats, kept', 'fused bf16', asStored, 2],
    ['fused floats to int4', 'fused bf16', int4, 2],
    ['fused floats to int8', 'fused f32', int8, 3],
    ['rows of floats to int8', 'bf16', int8, 2],
    ['AWQ', 'AWQ', asStored, 2],
  ] as const)('%s', async (name, kind, [weightClass, options], least) => {
    const builder = new CheckpointBuilder(seeded(name));
    const [rows, cols] = [name === 'AWQ' ? 65536 : 16384, 192];
    const matrix = STACKS[kind]?.make(builder, 1, rows, cols)[0] ?? MATRICES[kind]!.make(builder, rows, cols);
    const storage = storageOf(name, weightClass as WeightClass, [matrix], options);
    const { gpu, bands } = await load(builder, matrix, storage);
    expect(bands).toBeGreaterThanOrEqual(least);
    const layout = blobLayout(storage, rows, cols);
    const values = decodeBlob(gpu.buffers[0]!, storage, layout, { rows, cols, paired: false });
    const source = builder.source(1);
    const wanted = await dequantizeMatrix(matrix, ({ file, start, end }) => source.read(file, start, end));
    // A step of int4 is a group's largest magnitude / 7.5, of int8 its range / 255: less than one of these numbers.
    const bound = storage.kind === 'int4' && matrix.kind === 'float' ? 0.5 : storage.kind === 'affine' ? 0.03 : 1e-6;
    let worst = 0;
    for (let at = 0; at < wanted.length; at++) worst = Math.max(worst, Math.abs(values[at]! - wanted[at]!));
    expect(worst).toBeLessThanOrEqual(bound);
  });
});

describe('weights that cannot be right are named', () => {
  /** @param damage bytes to put at the beginning of the tensor that `chosen` picks */
  async function damaged(kind: string, chosen: (matrix: Matrix) => unknown, damage: readonly number[], up = false) {
    const builder = new CheckpointBuilder(seeded(kind));
    const make = MATRICES[kind]?.make ?? ((b, rows, cols) => STACKS[kind]!.make(b, 1, rows, cols)[0]!);
    const stored = make(builder, 64, 64);
    const matrix = up ? divided(builder, stored) : stored;
    const tensor = chosen(matrix) as { name: string; file: string; start: number };
    const source = builder.source(256);
    const broken = {
      ...source,
      async read(...range: Parameters<typeof source.read>) {
        return spoil(await source.read(...range), range[0], range[1]);
      },
      async *stream(path: string, start: number, end: number) {
        yield spoil(await source.read(path, start, end), path, start);
      },
    };
    const spoil = (bytes: Uint8Array<ArrayBuffer>, file: string, start: number) => {
      for (const [at, byte] of damage.entries()) {
        const place = tensor.start + at - start;
        if (file === tensor.file && place >= 0 && place < bytes.length) bytes[place] = byte;
      }
      return bytes;
    };
    const storage = storageOf(kind, 'dense layers', [matrix], {});
    const layout = blobLayout(storage, 64, 64);
    const jobs = new MatrixJobs();
    const blob = { buffer: 0, offset: 0, layout, storage, cols: 64 };
    jobs.rows(blob, [matrix], 0, 64, 0);
    if (storage.kind === 'int4' && storage.ordered) jobs.order(blob, [matrix]);
    const reading = (async () => {
      for await (const _ of readPieces(broken, jobs.list()));
    })();
    return { reading, name: tensor.name };
  }

  const field = (name: string) => (matrix: Matrix) => (matrix as unknown as Record<string, unknown>)[name];
  const INFINITE_BF16 = [0x80, 0x7f];
  test.each([
    [
      'a column in a group that is not there',
      'GPTQ, second format, in activation order',
      field('groupIndex'),
      [9],
      false,
    ],
    ['an infinite scale', 'compressed-tensors int4', field('scales'), INFINITE_BF16, false],
    [
      'an infinite scale that is turned',
      'GPTQ, second format, in activation order',
      field('scales'),
      INFINITE_BF16,
      false,
    ],
    ['an infinite bias', 'MLX 4 bit', field('biases'), INFINITE_BF16, false],
    ['an infinite scale of a block', 'FP8 per block, bf16 scales', field('scales'), INFINITE_BF16, false],
    ['a NaN among E4M3 scales', 'compressed-tensors NVFP4', field('scales'), [0x7f], false],
    ['a NaN among E4M3 scales that are turned', 'fused NVFP4', field('scales'), [0xff], false],
    ['a global scale of 0', 'compressed-tensors NVFP4', field('globalScale'), [0, 0, 0, 0], false],
    ['a divisor of 0', 'AWQ', field('divisor'), [0, 0], true],
    ['an absmax that is NaN', 'NF4', field('absmax'), [0, 0, 0xc0, 0x7f], false],
  ] as const)('%s', async (_, kind, chosen, damage, up) => {
    const { reading, name } = await damaged(kind, chosen, damage, up);
    const message = expect.stringContaining(name);
    await expect(reading).rejects.toMatchObject({ name: 'OutriderError', code: 'checkpoint_invalid', message });
  });
});

test('a fused NVFP4 matrix whose scales would begin inside a word is refused before anything is read', () => {
  const builder = new CheckpointBuilder(seeded('odd'));
  const matrix = STACKS['fused NVFP4']!.make(builder, 1, 64, 96)[0]!;
  const storage = { kind: 'nvfp4' } as const;
  const blob = { buffer: 0, offset: 0, layout: blobLayout(storage, 64, 96), storage, cols: 96 };
  const refusal = { code: 'quantization_unsupported', message: expect.stringContaining('[6, 64]') };
  expect(() => new MatrixJobs().rows(blob, [matrix], 0, 64, 0)).toThrow(expect.objectContaining(refusal));
});
