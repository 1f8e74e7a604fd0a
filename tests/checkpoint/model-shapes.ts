/** A small Llama 4 in shapes only: what a header says, without a file. */
import { expect } from 'vitest';
import { EVERY_FORMAT } from '../../src/checkpoint/formats/every.ts';
import type { QuantizationConfig } from '../../src/checkpoint/formats/facts.ts';
import { isPlain, PLAIN_FORMATS } from '../../src/checkpoint/formats/plain.ts';
import { type AssignedTensors, assignRoles, type Formats, type TextDims } from '../../src/checkpoint/roles.ts';
import { DTYPE_BYTES, type Dtype, type Tensor } from '../../src/checkpoint/tensor.ts';

/** One dense layer, then one with experts. */
export const dims: TextDims = {
  hiddenSize: 128,
  intermediateSize: 256,
  intermediateSizeMlp: 512,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 64,
  vocabSize: 100,
  numLocalExperts: 3,
  moeLayers: [1],
  tieWordEmbeddings: false,
};

export type Shapes = Record<string, [dtype: Dtype, ...shape: number[]]>;

function attentionShapes(at: string): Shapes {
  return {
    [`${at}.input_layernorm.weight`]: ['BF16', 128],
    [`${at}.post_attention_layernorm.weight`]: ['BF16', 128],
    [`${at}.self_attn.q_proj.weight`]: ['BF16', 256, 128],
    [`${at}.self_attn.k_proj.weight`]: ['BF16', 128, 128],
    [`${at}.self_attn.v_proj.weight`]: ['BF16', 128, 128],
    [`${at}.self_attn.o_proj.weight`]: ['BF16', 128, 256],
  };
}

function feedForwardShapes(at: string, inter: number): Shapes {
  return {
    [`${at}.gate_proj.weight`]: ['BF16', inter, 128],
    [`${at}.up_proj.weight`]: ['BF16', inter, 128],
    [`${at}.down_proj.weight`]: ['BF16', 128, inter],
  };
}

export const plain: Shapes = {
  'model.embed_tokens.weight': ['BF16', 100, 128],
  'model.norm.weight': ['BF16', 128],
  'lm_head.weight': ['BF16', 100, 128],
  ...attentionShapes('model.layers.0'),
  ...feedForwardShapes('model.layers.0.feed_forward', 512),
  ...attentionShapes('model.layers.1'),
  'model.layers.1.feed_forward.router.weight': ['BF16', 3, 128],
  ...feedForwardShapes('model.layers.1.feed_forward.shared_expert', 256),
  'model.layers.1.feed_forward.experts.gate_up_proj': ['BF16', 3, 128, 512],
  'model.layers.1.feed_forward.experts.down_proj': ['BF16', 3, 256, 128],
};

export function without(shapes: Shapes, ...names: string[]): Shapes {
  return Object.fromEntries(Object.entries(shapes).filter(([name]) => !names.some((part) => name.includes(part))));
}

export function unfused(): Shapes {
  const at = 'model.layers.1.feed_forward.experts';
  const experts = [0, 1, 2].map((expert) => feedForwardShapes(`${at}.${expert}`, 256));
  return Object.assign(without(plain, 'experts.'), ...experts);
}

/** Every matrix whose name holds `part`, by the tensors that stand for it: suffix (which replaces `weight`) -> dtype and shape. */
export function stored(shapes: Shapes, part: string, tensors: (rows: number, cols: number) => Shapes): Shapes {
  const entries = Object.entries(shapes).flatMap(([name, value]): [string, Shapes[string]][] => {
    const [, rows, cols] = value;
    if (!name.includes(part) || cols === undefined || !name.endsWith('.weight')) return [[name, value]];
    const module = name.slice(0, -'weight'.length);
    return Object.entries(tensors(rows!, cols)).map(([suffix, shape]) => [module + suffix, shape]);
  });
  return Object.fromEntries(entries);
}

/** One tensor after the other, from byte 0. */
export function tensorsOf(shapes: Shapes): Map<string, Tensor> {
  let start = 0;
  return new Map(
    Object.entries(shapes).map(([name, [dtype, ...shape]]): [string, Tensor] => {
      const end = start + shape.reduce((bytes, size) => bytes * size, DTYPE_BYTES[dtype]);
      const tensor = { name, dtype, shape, file: 'f', start, end };
      start = end;
      return [name, tensor];
    }),
  );
}

/** By every format's readers; those of plain formats must say the same of what they are chosen for. */
export function assign(shapes: Shapes, config?: QuantizationConfig, changes: Partial<TextDims> = {}): AssignedTensors {
  const tensors = tensorsOf(shapes);
  const assignBy = (formats: Formats) => () => assignRoles({ ...dims, ...changes }, tensors, config, formats);
  const configJson = { quantization_config: config && { quant_method: config.method } };
  if (isPlain(configJson, tensors))
    expect(outcomeOf(assignBy(PLAIN_FORMATS))).toEqual(outcomeOf(assignBy(EVERY_FORMAT)));
  return assignBy(EVERY_FORMAT)();
}

function outcomeOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
