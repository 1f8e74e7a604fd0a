/** Reads the golden folders: safetensors by the shortest honest code, weights as plain f32 matrices in Linear layout. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ModelConfig, parseConfig } from '../../src/model/config.ts';
import { type Schedule, scheduleLayers } from '../../src/model/irope.ts';
import type { Matrix } from '../../src/reference/numbers.ts';
import type { FeedForward, LayerWeights, ReferenceWeights } from '../../src/reference/weights.ts';

const goldens = fileURLToPath(new URL('../../../shared/goldens/', import.meta.url));

interface RawTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}
export type Tensors = ReadonlyMap<string, RawTensor>;

export interface Golden {
  readonly config: ModelConfig;
  readonly schedule: Schedule;
  readonly weights: ReferenceWeights;
  readonly expected: Tensors;
  readonly prompts: readonly string[];
}

export const hasGolden = (name: string): boolean => existsSync(`${goldens}${name}/config.json`);

export function loadGolden(name: string): Golden {
  const folder = `${goldens}${name}/`;
  const json = (file: string) => JSON.parse(readFileSync(folder + file, 'utf8'));
  const { config } = parseConfig(json('config.json'));
  const shards = readdirSync(folder).filter((file) => /^model.*\.safetensors$/.test(file));
  const tensors: Tensors = new Map(shards.flatMap((file) => [...readSafetensors(folder + file)]));
  const schedule = scheduleLayers(config);
  return {
    config,
    schedule,
    weights: toWeights(tensors, schedule, config),
    expected: readSafetensors(`${folder}expected.safetensors`),
    prompts: Object.keys(json('expected.json').prompts),
  };
}

function readSafetensors(path: string): Tensors {
  const file = new Uint8Array(readFileSync(path));
  const start = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, start)));
  delete header.__metadata__;
  return new Map(
    Object.entries<{ dtype: string; shape: number[]; data_offsets: [number, number] }>(header).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => [name, { dtype, shape, bytes: file.slice(start + from, start + to) }],
    ),
  );
}

/** A float tensor as f32. */
export function floats(tensors: Tensors, name: string): Float32Array {
  const { dtype, bytes } = take(tensors, name);
  if (dtype === 'F32') return new Float32Array(bytes.buffer);
  if (dtype !== 'BF16') throw new Error(`${name}: a float was expected, found ${dtype}`);
  const widened = new Uint32Array(bytes.length / 2);
  new Uint16Array(bytes.buffer).forEach((bits, at) => {
    widened[at] = bits << 16;
  });
  return new Float32Array(widened.buffer);
}

export function ints(tensors: Tensors, name: string): Int32Array {
  return new Int32Array(take(tensors, name).bytes.buffer);
}

function take(tensors: Tensors, name: string): RawTensor {
  const tensor = tensors.get(name);
  if (!tensor) throw new Error(`the golden has no ${name}`);
  return tensor;
}

function toWeights(tensors: Tensors, schedule: Schedule, config: ModelConfig): ReferenceWeights {
  const layers = schedule.layers.map(({ index, feedForward }): LayerWeights => {
    const at = `model.layers.${index}`;
    return {
      inputLayernorm: floats(tensors, `${at}.input_layernorm.weight`),
      postAttentionLayernorm: floats(tensors, `${at}.post_attention_layernorm.weight`),
      qProj: linearOf(tensors, `${at}.self_attn.q_proj`),
      kProj: linearOf(tensors, `${at}.self_attn.k_proj`),
      vProj: linearOf(tensors, `${at}.self_attn.v_proj`),
      oProj: linearOf(tensors, `${at}.self_attn.o_proj`),
      feedForward:
        feedForward === 'dense'
          ? { kind: 'dense', ...feedForwardOf(tensors, `${at}.feed_forward`) }
          : {
              kind: 'moe',
              router: linearOf(tensors, `${at}.feed_forward.router`),
              sharedExpert: feedForwardOf(tensors, `${at}.feed_forward.shared_expert`),
              experts: expertsOf(tensors, `${at}.feed_forward.experts`, config),
            },
    };
  });
  const embedTokens = linearOf(tensors, 'model.embed_tokens');
  const lmHead = config.tieWordEmbeddings ? embedTokens : linearOf(tensors, 'lm_head');
  return { embedTokens, layers, norm: floats(tensors, 'model.norm.weight'), lmHead };
}

function feedForwardOf(tensors: Tensors, at: string): FeedForward {
  return {
    gateProj: linearOf(tensors, `${at}.gate_proj`),
    upProj: linearOf(tensors, `${at}.up_proj`),
    downProj: linearOf(tensors, `${at}.down_proj`),
  };
}

/** Un-fused experts by name, or the fused stacks [E, in, out], which are transposed against Linear. */
function expertsOf(tensors: Tensors, at: string, config: ModelConfig): FeedForward[] {
  if (!tensors.has(`${at}.gate_up_proj`)) {
    return Array.from({ length: config.numLocalExperts }, (_, expert) => feedForwardOf(tensors, `${at}.${expert}`));
  }
  const downs = unstack(tensors, `${at}.down_proj`);
  return unstack(tensors, `${at}.gate_up_proj`).map(({ rows, cols, values }, expert): FeedForward => {
    const half = values.length / 2;
    return {
      gateProj: { rows: rows / 2, cols, values: values.subarray(0, half) },
      upProj: { rows: rows / 2, cols, values: values.subarray(half) },
      downProj: downs[expert]!,
    };
  });
}

function unstack(tensors: Tensors, name: string): Matrix[] {
  const [experts, cols, rows] = take(tensors, name).shape as [number, number, number];
  const stack = floats(tensors, name);
  return Array.from({ length: experts }, (_, expert) => {
    const values = new Float32Array(rows * cols);
    for (let row = 0; row < rows; row++) {
      for (let col = 0; col < cols; col++) values[row * cols + col] = stack[(expert * cols + col) * rows + row]!;
    }
    return { rows, cols, values };
  });
}

/** `at`.weight, or compressed-tensors' packed int4: w = (nibble - 8 - zero point) * scale, nibbles low first along K. */
function linearOf(tensors: Tensors, at: string): Matrix {
  if (tensors.has(`${at}.weight`)) {
    const [rows, cols] = take(tensors, `${at}.weight`).shape as [number, number];
    return { rows, cols, values: floats(tensors, `${at}.weight`) };
  }
  const packed = ints(tensors, `${at}.weight_packed`);
  const scales = floats(tensors, `${at}.weight_scale`);
  const zeroPoints = tensors.has(`${at}.weight_zero_point`) ? ints(tensors, `${at}.weight_zero_point`) : undefined;
  const [rows, groups] = take(tensors, `${at}.weight_scale`).shape as [number, number];
  const cols = (packed.length / rows) * 8;
  const nibble = (words: Int32Array, word: number, at: number): number => (words[word]! >>> (4 * (at & 7))) & 15;
  const values = new Float32Array(rows * cols);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) {
      const group = Math.floor(col / (cols / groups));
      const zero = zeroPoints === undefined ? 8 : nibble(zeroPoints, (row >> 3) * groups + group, row);
      const weight = nibble(packed, (row * cols + col) >> 3, col) - zero;
      values[row * cols + col] = weight * scales[row * groups + group]!;
    }
  }
  return { rows, cols, values };
}
