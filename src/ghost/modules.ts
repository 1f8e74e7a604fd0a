/**
 * What a Llama 4 model is made of, in the order in which Transformers lists it (a module's own parameters first, then its
 * children as they are constructed). Formats turn these into stored tensors; the order decides which file each goes to.
 */
import { type GhostDims, isMoe, type VisionDims } from './dims.ts';

/** Which part of the model a Linear layer belongs to: what recipes decide by. */
export type Part = 'attention' | 'router' | 'shared' | 'dense' | 'head' | 'vision';

export type Module =
  /** A parameter on its own, stored under this very name. */
  | {
      readonly kind: 'parameter';
      readonly name: string;
      readonly shape: readonly number[];
      readonly fill: 'weight' | 'norm';
    }
  | { readonly kind: 'embedding'; readonly name: string; readonly rows: number; readonly cols: number }
  /** y = W x (+ b), W [rows = out, cols = in] */
  | {
      readonly kind: 'linear';
      readonly name: string;
      readonly rows: number;
      readonly cols: number;
      readonly part: Part;
      readonly bias: boolean;
    }
  /** The routed experts of one layer: gate and up [intermediate, hidden] each, down [hidden, intermediate]. */
  | {
      readonly kind: 'experts';
      readonly name: string;
      readonly experts: number;
      readonly hidden: number;
      readonly intermediate: number;
    };

/** @param prefix of the text model: `language_model.` or nothing */
export function listModules(dims: GhostDims, prefix: string): Module[] {
  const { hidden, vocab, layers } = dims;
  return [
    ...(dims.vision ? listVision(dims.vision, hidden) : []),
    { kind: 'embedding', name: `${prefix}model.embed_tokens`, rows: vocab, cols: hidden },
    ...Array.from({ length: layers }, (_, layer) => listLayer(dims, layer, `${prefix}model.layers.${layer}`)).flat(),
    norm(`${prefix}model.norm.weight`, hidden),
    linear(`${prefix}lm_head`, vocab, hidden, 'head'),
  ];
}

function listLayer(dims: GhostDims, layer: number, at: string): Module[] {
  const { hidden, heads, kvHeads, headDim, intermediateMlp } = dims;
  const attention = (name: string, rows: number, cols: number) =>
    linear(`${at}.self_attn.${name}`, rows, cols, 'attention');
  return [
    attention('q_proj', heads * headDim, hidden),
    attention('k_proj', kvHeads * headDim, hidden),
    attention('v_proj', kvHeads * headDim, hidden),
    attention('o_proj', hidden, heads * headDim),
    ...(isMoe(dims, layer)
      ? listMoe(dims, `${at}.feed_forward`)
      : listFeedForward(`${at}.feed_forward`, hidden, intermediateMlp, 'dense')),
    norm(`${at}.input_layernorm.weight`, hidden),
    norm(`${at}.post_attention_layernorm.weight`, hidden),
  ];
}

function listMoe({ hidden, intermediate, experts }: GhostDims, at: string): Module[] {
  return [
    { kind: 'experts', name: `${at}.experts`, experts, hidden, intermediate },
    linear(`${at}.router`, experts, hidden, 'router'),
    ...listFeedForward(`${at}.shared_expert`, hidden, intermediate, 'shared'),
  ];
}

function listFeedForward(at: string, hidden: number, intermediate: number, part: Part): Module[] {
  return [
    linear(`${at}.gate_proj`, intermediate, hidden, part),
    linear(`${at}.up_proj`, intermediate, hidden, part),
    linear(`${at}.down_proj`, hidden, intermediate, part),
  ];
}

function listVision(vision: VisionDims, textHidden: number): Module[] {
  const { hidden, layers, imageSize, patchSize, output } = vision;
  const at = 'vision_model';
  const positions = (imageSize / patchSize) ** 2 + 1;
  return [
    { kind: 'parameter', name: `${at}.class_embedding`, shape: [hidden], fill: 'weight' },
    { kind: 'parameter', name: `${at}.positional_embedding_vlm`, shape: [positions, hidden], fill: 'weight' },
    linear(`${at}.patch_embedding.linear`, hidden, 3 * patchSize ** 2, 'vision'),
    ...layerNorm(`${at}.layernorm_pre`, hidden),
    ...layerNorm(`${at}.layernorm_post`, hidden),
    ...Array.from({ length: layers }, (_, layer) => listVisionLayer(vision, `${at}.model.layers.${layer}`)).flat(),
    // Pixel shuffle puts 2 x 2 patches into one vector.
    linear(`${at}.vision_adapter.mlp.fc1`, output, 4 * hidden, 'vision'),
    linear(`${at}.vision_adapter.mlp.fc2`, output, output, 'vision'),
    linear('multi_modal_projector.linear_1', textHidden, output, 'vision'),
  ];
}

function listVisionLayer({ hidden, intermediate }: VisionDims, at: string): Module[] {
  return [
    ...['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((name) =>
      linear(`${at}.self_attn.${name}`, hidden, hidden, 'vision', true),
    ),
    linear(`${at}.mlp.fc1`, intermediate, hidden, 'vision', true),
    linear(`${at}.mlp.fc2`, hidden, intermediate, 'vision', true),
    ...layerNorm(`${at}.input_layernorm`, hidden),
    ...layerNorm(`${at}.post_attention_layernorm`, hidden),
  ];
}

function linear(name: string, rows: number, cols: number, part: Part, bias = false): Module {
  return { kind: 'linear', name, rows, cols, part, bias };
}

function norm(name: string, size: number): Module {
  return { kind: 'parameter', name, shape: [size], fill: 'norm' };
}

function layerNorm(name: string, size: number): Module[] {
  return [norm(`${name}.weight`, size), { kind: 'parameter', name: `${name}.bias`, shape: [size], fill: 'weight' }];
}
