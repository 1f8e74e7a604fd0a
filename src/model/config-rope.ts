import { OutriderError } from '../errors.ts';
import { ConfigFields } from './config-fields.ts';

export type RopeConfig =
  | { readonly type: 'default'; readonly theta: number }
  | {
      readonly type: 'llama3';
      readonly theta: number;
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositionEmbeddings: number;
    };

/** The published `rope_theta` + `rope_scaling`, or the newer `rope_parameters` that holds both. */
export function parseRope(fields: ConfigFields, maxPositionEmbeddings: number): RopeConfig {
  // Transformers lets rope_scaling win where both are there.
  const name = isFilled(fields.get('rope_scaling')) ? 'rope_scaling' : 'rope_parameters';
  const value = fields.get(name) ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) throw fields.unsupported(name, 'an object or null');
  const rope = new ConfigFields(value as Record<string, unknown>, `${name}.`);
  const theta =
    rope.get('rope_theta') === undefined ? fields.positive('rope_theta', 500000) : rope.positive('rope_theta');
  for (const holder of [rope, fields]) {
    if (holder.number('partial_rotary_factor', 1) !== 1) throw holder.unsupported('partial_rotary_factor', '1');
  }
  const typeName = rope.get('rope_type') === undefined ? 'type' : 'rope_type'; // the older spelling
  const type = rope.get(typeName);
  if (type === undefined && ['chunked_attention', 'full_attention'].some((key) => rope.get(key) !== undefined)) {
    throw fields.unsupported(name, 'one set of parameters for all layers');
  }
  if (type === undefined || type === 'default') return { type: 'default', theta };
  if (type !== 'llama3') throw rope.unsupported(typeName, '"default" or "llama3"');
  const [lowFreqFactor, highFreqFactor] = [rope.positive('low_freq_factor'), rope.positive('high_freq_factor')];
  if (lowFreqFactor > highFreqFactor) {
    throw rope.unsupported('low_freq_factor', `a number up to high_freq_factor (${highFreqFactor})`);
  }
  return {
    type,
    theta,
    factor: rope.positive('factor'),
    lowFreqFactor,
    highFreqFactor,
    originalMaxPositionEmbeddings: rope.integer('original_max_position_embeddings', maxPositionEmbeddings),
  };
}

function isFilled(value: unknown): boolean {
  return value !== undefined && !(typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

/**
 * Scout was published with a RoPE scaling that its authors corrected a few days later; copies of the first files live
 * on. Exactly those values, on exactly Scout's dimensions, become the corrected ones.
 */
export function correctScoutRope(
  rope: RopeConfig,
  dims: { readonly hiddenSize: number; readonly numHiddenLayers: number; readonly numLocalExperts: number },
): { rope: RopeConfig; notices: string[] } {
  const isScout = dims.hiddenSize === 5120 && dims.numHiddenLayers === 48 && dims.numLocalExperts === 16;
  const isStale =
    rope.type === 'llama3' &&
    rope.factor === 8 &&
    rope.lowFreqFactor === 1 &&
    rope.highFreqFactor === 4 &&
    rope.originalMaxPositionEmbeddings === 8192;
  if (!isScout || !isStale) return { rope, notices: [] };
  const notice =
    'config.json has the RoPE scaling that Scout was first published with (factor 8, high_freq_factor 4); ' +
    "the corrected values 16 and 1 are used. Load with ropeScaling: 'as-written' to keep the file's.";
  return { rope: { ...rope, factor: 16, highFreqFactor: 1 }, notices: [notice] };
}

/** Checks the option where it enters. */
export function checkRopeOption(option: unknown): void {
  if (option === undefined || option === 'as-written') return;
  throw new OutriderError('invalid_request', `ropeScaling is ${JSON.stringify(option)}; it can only be 'as-written'.`, {
    details: { field: 'ropeScaling' },
  });
}
