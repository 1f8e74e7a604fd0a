import type { ConfigFields } from './config-fields.ts';

export interface LayerFields {
  readonly moeLayers: readonly number[];
  readonly noRopeLayers: readonly (0 | 1)[];
  readonly layerTypes: readonly ('chunked_attention' | 'full_attention')[];
  readonly attentionChunkSize: number | undefined;
}

/** What every layer is, from explicit lists or, where they are absent, from the intervals. */
export function parseLayers(fields: ConfigFields, numLayers: number, numExperts: number): LayerFields {
  const noRopeLayers = parseNoRopeLayers(fields, numLayers);
  const layerTypes = parseLayerTypes(fields, noRopeLayers);
  const hasChunks = layerTypes.includes('chunked_attention');
  const chunk = fields.isNull('attention_chunk_size') ? undefined : fields.integer('attention_chunk_size', 8192);
  if (hasChunks && chunk === undefined) {
    throw fields.unsupported('attention_chunk_size', 'a number of tokens, since some layers have chunked attention');
  }
  return {
    moeLayers: parseMoeLayers(fields, numLayers, numExperts),
    noRopeLayers,
    layerTypes,
    attentionChunkSize: hasChunks ? chunk : undefined,
  };
}

/** `[]` and null mean absent, as in Transformers. */
function parseNoRopeLayers(fields: ConfigFields, numLayers: number): (0 | 1)[] {
  const listed = fields.get('no_rope_layers') ?? [];
  if (!Array.isArray(listed)) throw fields.unsupported('no_rope_layers', 'a list of 0 and 1');
  if (listed.length === 0) {
    const interval = fields.integer('no_rope_layer_interval', 4);
    return Array.from({ length: numLayers }, (_, layer) => ((layer + 1) % interval === 0 ? 0 : 1));
  }
  if (listed.length < numLayers || listed.some((value) => value !== 0 && value !== 1)) {
    throw fields.unsupported('no_rope_layers', `a list of 0 and 1 for all ${numLayers} layers, or []`);
  }
  return (listed as (0 | 1)[]).slice(0, numLayers);
}

function parseLayerTypes(fields: ConfigFields, noRopeLayers: readonly (0 | 1)[]): LayerFields['layerTypes'] {
  const listed = fields.get('layer_types');
  if (listed === undefined) {
    return noRopeLayers.map((usesRope) => (usesRope === 1 ? 'chunked_attention' : 'full_attention'));
  }
  const known =
    Array.isArray(listed) && listed.every((type) => type === 'chunked_attention' || type === 'full_attention');
  if (!known || listed.length !== noRopeLayers.length) {
    const supported = `"chunked_attention" or "full_attention" for each of the ${noRopeLayers.length} layers`;
    throw fields.unsupported('layer_types', supported);
  }
  return listed;
}

function parseMoeLayers(fields: ConfigFields, numLayers: number, numExperts: number): number[] {
  const listed = fields.get('moe_layers');
  if (listed === undefined) {
    const step = fields.integer('interleave_moe_layer_step', 1, { min: 0 });
    if (step === 0 || numExperts === 0) return []; // dense models say it in either way
    return Array.from({ length: Math.floor(numLayers / step) }, (_, i) => (i + 1) * step - 1);
  }
  const isLayer = (value: unknown): boolean =>
    Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < numLayers;
  if (!Array.isArray(listed) || !listed.every(isLayer)) {
    throw fields.unsupported('moe_layers', `a list of layers from 0 to ${numLayers - 1}`);
  }
  if (listed.length > 0 && numExperts === 0) {
    throw fields.unsupported('moe_layers', 'an empty list, since num_local_experts is 0');
  }
  return [...new Set(listed as number[])].sort((a, b) => a - b);
}
