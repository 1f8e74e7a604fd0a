import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { dequantizeMatrix } from '../../src/checkpoint/dequantize.ts';
import { EVERY_FORMAT } from '../../src/checkpoint/formats/every.ts';
import type { LayerTensors, Matrix, ModelTensors } from '../../src/checkpoint/model-tensors.ts';
import { openCheckpoint } from '../../src/checkpoint/open.ts';
import { parseQuantization } from '../../src/checkpoint/quantization.ts';
import { type AssignedTensors, assignRoles } from '../../src/checkpoint/roles.ts';
import type { Tensor } from '../../src/checkpoint/tensor.ts';
import { parseConfig } from '../../src/model/config.ts';
import { createNodeSource } from '../../src/storage/node.ts';
import type { ModelSource } from '../../src/storage/source.ts';

const GOLDENS = new URL('../../../shared/goldens/', import.meta.url);

/** Format in words, and the relative error that `rows.NAME` may have. */
const TWINS: readonly [name: string, format: string, tolerance?: number][] = [
  ['w4a16', 'compressed-tensors int4, groups of 128, symmetric; rest bf16'],
  ['w4a16-asym-g64', 'compressed-tensors int4, groups of 64, asymmetric; rest bf16'],
  ['mlx4', 'MLX affine 4 bits, groups of 64'],
  ['fp8', 'FP8, a scale per channel; rest bf16'],
  // Which of two f32 factors is multiplied first is the library's choice.
  ['nvfp4', 'compressed-tensors NVFP4; rest bf16', 1e-7],
  ['gptq', 'GPTQ int4, groups of 128; rest bf16'],
  ['awq', 'AWQ int4, groups of 128; rest bf16'],
  ['nf4', 'bitsandbytes NF4; rest bf16'],
];

describe.skipIf(!existsSync(GOLDENS))('goldens (../shared/goldens)', () => {
  test.each(TWINS)(
    'scout-random-%s: the rows that its own library unpacks come out of the readers',
    async (name, format, tolerance = 0) => {
      const folder = new URL(`scout-random-${name}`, GOLDENS).pathname;
      const { source, tensors, expected } = await openGolden(folder);
      expect(tensors.format).toBe(format);
      const rowNames = [...expected.keys()].filter((tensor) => tensor.startsWith('rows.'));
      expect(rowNames.length).toBeGreaterThan(20);
      for (const rowName of rowNames) {
        const matrix = matrixAt(tensors, rowName.slice('rows.'.length));
        const weights = await dequantizeMatrix(matrix, (tensor) => readTensor(source, tensor));
        const rows = new Float32Array((await readTensor(source, expected.get(rowName)!)).buffer);
        for (const [i, row] of [0, 3, 13].entries()) {
          const found = weights.subarray(row * matrix.cols, (row + 1) * matrix.cols);
          const wanted = rows.subarray(i * matrix.cols, (i + 1) * matrix.cols);
          expect({ rowName, row, worst: worst(found, wanted) <= tolerance }).toEqual({ rowName, row, worst: true });
        }
      }
    },
  );

  test.each(['scout-random', 'maverick-random', 'vision-random'])('%s: plain, with fused experts', async (name) => {
    const { tensors } = await openGolden(new URL(name, GOLDENS).pathname);
    expect(tensors).toMatchObject({ format: 'bf16', notices: [] });
    const { feedForward } = tensors.layers.at(-1)!;
    expect(feedForward).toMatchObject({
      kind: 'moe',
      experts: { 0: { gateUp: [{ kind: 'float', transposed: true }] } },
    });
  });
});

async function openGolden(
  folder: string,
): Promise<{ source: ModelSource; tensors: AssignedTensors; expected: ReadonlyMap<string, Tensor> }> {
  const source = await createNodeSource(folder);
  const { configJson, tensors } = await openCheckpoint(source);
  const assigned = assignRoles(parseConfig(configJson).config, tensors, parseQuantization(configJson), EVERY_FORMAT);
  const names = await openCheckpoint({ ...source, ...renamed(source) });
  return { source, tensors: assigned, expected: names.tensors };
}

/** The same folder, with expected.safetensors where the weights should be. */
function renamed(source: ModelSource): Pick<ModelSource, 'stat' | 'read'> {
  const file = (path: string) => (path.endsWith('.safetensors') ? 'expected.safetensors' : path);
  return {
    stat: async (path) => (path.endsWith('index.json') ? undefined : source.stat(file(path))),
    read: (path, start, end) => source.read(file(path), start, end),
  };
}

async function readTensor(source: ModelSource, { file, start, end, name }: Tensor): Promise<Uint8Array<ArrayBuffer>> {
  return source.read(name.startsWith('rows.') ? 'expected.safetensors' : file, start, end);
}

/** Largest error relative to the largest weight of the row. */
function worst(found: Float32Array, wanted: Float32Array): number {
  const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0) / scale;
}

/** By the name of a plain, un-fused checkpoint: `model.layers.0.feed_forward.experts.3.up_proj.weight`. */
function matrixAt(tensors: ModelTensors, name: string): Matrix {
  if (name === 'lm_head.weight') return tensors.lmHead;
  if (name === 'model.embed_tokens.weight') return tensors.embedTokens;
  const [, layer, path] = /^model\.layers\.(\d+)\.(.*)\.weight$/.exec(name)!;
  return inLayer(tensors.layers[Number(layer)]!, path!);
}

function inLayer({ feedForward, ...layer }: LayerTensors, path: string): Matrix {
  const leaf = path.split('.').at(-1)!;
  if (path.startsWith('self_attn.')) {
    return { q_proj: layer.qProj, k_proj: layer.kProj, v_proj: layer.vProj, o_proj: layer.oProj }[leaf]!;
  }
  if (feedForward.kind !== 'moe') throw new Error(`${path} in a dense layer`);
  if (leaf === 'router') return feedForward.router;
  const expert = /experts\.(\d+)\./.exec(path);
  if (expert === null) {
    const { gateProj, upProj, downProj } = feedForward.sharedExpert;
    return { gate_proj: gateProj, up_proj: upProj, down_proj: downProj }[leaf]!;
  }
  const { gateUp, down } = feedForward.experts[Number(expert[1])]!;
  return { gate_proj: gateUp[0], up_proj: gateUp[1], down_proj: down }[leaf]!;
}
