/** The reference's weights of a compressed-tensors int4 model whose numbers would not fit: rows are decoded as they are used. */
import type { GhostDims } from '../../src/ghost/dims.ts';
import { bf16ToF32, widenToF32 } from '../../src/quant/float.ts';
import type { Matrix, RowMatrix } from '../../src/reference/numbers.ts';
import type { FeedForward, LayerWeights, ReferenceWeights } from '../../src/reference/weights.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** @param read all bytes of a tensor; every matrix reads its own anew, so that only one layer's experts pass through memory */
export function lazyWeights(read: (name: string) => Bytes | undefined, dims: GhostDims): ReferenceWeights {
  const { hidden, layers, experts } = dims;
  const bytes = (name: string): Bytes => {
    const found = read(name);
    if (!found) throw new Error(`the checkpoint has no ${name}`);
    return found;
  };
  const floats = (name: string) => widenToF32(bytes(name), 'BF16');
  const table = (name: string): Matrix => {
    const values = floats(name);
    return { rows: values.length / hidden, cols: hidden, values };
  };
  const linear = (module: string, cols: number): RowMatrix => {
    const packed = read(`${module}.weight_packed`);
    if (packed) return int4Rows(packed, bytes(`${module}.weight_scale`), cols);
    return bf16Rows(bytes(`${module}.weight`), cols);
  };
  const feedForward = (at: string): FeedForward => ({
    get gateProj() {
      return linear(`${at}.gate_proj`, hidden);
    },
    get upProj() {
      return linear(`${at}.up_proj`, hidden);
    },
    get downProj() {
      return linear(`${at}.down_proj`, dims.intermediate);
    },
  });
  const layer = (at: string): LayerWeights => ({
    inputLayernorm: floats(`${at}.input_layernorm.weight`),
    postAttentionLayernorm: floats(`${at}.post_attention_layernorm.weight`),
    qProj: linear(`${at}.self_attn.q_proj`, hidden),
    kProj: linear(`${at}.self_attn.k_proj`, hidden),
    vProj: linear(`${at}.self_attn.v_proj`, hidden),
    oProj: linear(`${at}.self_attn.o_proj`, dims.heads * dims.headDim),
    feedForward: {
      kind: 'moe',
      router: table(`${at}.feed_forward.router.weight`),
      sharedExpert: feedForward(`${at}.feed_forward.shared_expert`),
      experts: Array.from({ length: experts }, (_, expert) => feedForward(`${at}.feed_forward.experts.${expert}`)),
    },
  });
  return {
    embedTokens: table('model.embed_tokens.weight'),
    layers: Array.from({ length: layers }, (_, index) => layer(`model.layers.${index}`)),
    norm: floats('model.norm.weight'),
    lmHead: table('lm_head.weight'),
  };
}

function bf16Rows(bytes: Bytes, cols: number): RowMatrix {
  const halves = new Uint16Array(bytes.buffer);
  const values = new Float64Array(cols);
  const row = (index: number) => {
    for (let col = 0; col < cols; col++) values[col] = bf16ToF32(halves[index * cols + col]!);
    return values;
  };
  return { rows: halves.length / cols, cols, row };
}

/** w = (nibble - 8) * scale, nibbles low first along the columns, groups of 128. */
function int4Rows(packed: Bytes, scaleBytes: Bytes, cols: number): RowMatrix {
  const words = new Uint32Array(packed.buffer);
  const scales = new Uint16Array(scaleBytes.buffer);
  const values = new Float64Array(cols);
  const row = (index: number) => {
    for (let group = 0; group < cols / 128; group++) {
      const scale = bf16ToF32(scales[(index * cols) / 128 + group]!);
      const first = (index * cols + group * 128) / 8;
      for (let at = 0; at < 128; at++) {
        values[group * 128 + at] = (((words[first + (at >> 3)]! >>> (4 * (at & 7))) & 15) - 8) * scale;
      }
    }
    return values;
  };
  return { rows: (words.length * 8) / cols, cols, row };
}
