import { describe, expect, it } from 'vitest';
import { parseHeader } from '../../src/checkpoint/header.ts';
import type { Tensor } from '../../src/checkpoint/tensor.ts';
import { tensorBytes } from '../../src/checkpoint/write-header.ts';
import { ghostBytes } from '../../src/ghost/bytes.ts';
import { TINY } from '../../src/ghost/dims.ts';
import { GHOST_NAMES, ghostSpec } from '../../src/ghost/spec.ts';
import type { GhostSpec } from '../../src/ghost/types.ts';
import { parseConfig } from '../../src/model/config.ts';
import { EXPECTED, MAVERICK, parameters, SCOUT, storage, VISION_PARAMETERS } from './sums.ts';

/** To that many decimals, in billions: as a table prints it. */
const billions = (value: number, decimals: number): string => (value / 1e9).toFixed(decimals);

const specs = new Map<string, GhostSpec>();
function specOf(name: string): GhostSpec {
  const spec = specs.get(name) ?? ghostSpec(name);
  specs.set(name, spec);
  return spec;
}

function expectedOf(name: string): number {
  const [, model, format] = /^(scout|maverick)-(.*)$/.exec(name)!;
  const rule = name === 'maverick-fp8' ? 'meta-fp8' : format!;
  return EXPECTED[rule]!(model === 'scout' ? SCOUT : MAVERICK);
}

const shardsOf = ({ files }: GhostSpec): string[] => [...files.keys()].filter((path) => path.endsWith('.safetensors'));

function textOf(spec: GhostSpec, path: string): string {
  return new TextDecoder().decode(ghostBytes(spec, path, 0, spec.files.get(path)!.size));
}

/** Every tensor, as the reader of headers sees it. */
function readHeaders(spec: GhostSpec): Tensor[] {
  return shardsOf(spec).flatMap((file) => {
    const { size, segments } = spec.files.get(file)!;
    return parseHeader(ghostBytes(spec, file, 0, segments[0]!.end), { file, fileSize: size });
  });
}

describe.each(GHOST_NAMES)('the ghost %s', (name) => {
  it('is as large as the published shapes are under the rule of its format, to the byte', () => {
    expect(specOf(name).tensorBytes).toBe(expectedOf(name));
  });

  it('has headers that the reader takes, aligned to 8 bytes, and an index that names the same tensors', () => {
    const spec = specOf(name);
    const tensors = readHeaders(spec);
    const { metadata, weight_map: places } = JSON.parse(textOf(spec, 'model.safetensors.index.json'));
    expect(metadata).toEqual({ total_size: tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0) });
    expect(metadata.total_size).toBe(expectedOf(name));
    expect(places).toEqual(Object.fromEntries(tensors.map((tensor) => [tensor.name, tensor.file])));
    expect(shardsOf(spec).filter((file) => spec.files.get(file)!.segments[0]!.end % 8 !== 0)).toEqual([]);
  });

  it('can be told from config and headers alone in at most 8 MB, where the issue asks for it', () => {
    const spec = specOf(name);
    const heads = [...spec.files.values()].reduce((sum, { segments }) => sum + segments[0]!.end, 0);
    if (name.startsWith('scout') || name === 'maverick-fp8') expect(heads).toBeLessThan(8e6);
    expect(parseConfig(JSON.parse(textOf(spec, 'config.json'))).config.numHiddenLayers).toBe(48);
  });
});

describe('the published figures', () => {
  it('are those of the two models in bf16', () => {
    expect(parameters(SCOUT)).toBe(107_769_861_120);
    expect(parameters(MAVERICK)).toBe(400_711_848_960);
    expect(VISION_PARAMETERS).toBe(871_932_416);
    expect(billions(2 * VISION_PARAMETERS, 2)).toBe('1.74');
    expect(billions(specOf('scout-bf16').tensorBytes, 2)).toBe('217.28');
    expect(billions(specOf('maverick-bf16').tensorBytes, 2)).toBe('803.17');
    expect(specOf('scout-bf16').tensorBytes).toBe(2 * 108_641_793_536);
    expect(specOf('maverick-bf16').tensorBytes).toBe(2 * 401_583_781_376);
  });

  it('are those of the files: 50 for Scout, 55 for Maverick, of which 48 hold one tensor', () => {
    expect(shardsOf(specOf('scout-bf16'))).toHaveLength(50);
    expect(shardsOf(specOf('scout-bf16'))[0]).toBe('model-00001-of-00050.safetensors');
    expect(shardsOf(specOf('maverick-bf16'))).toHaveLength(55);
    const alone = [...specOf('maverick-bf16').files.values()].filter(({ size }) => size > 5e9 + 1e6);
    expect(alone).toHaveLength(48);
    expect(billions(Math.max(...alone.map(({ size }) => size)), 2)).toBe('21.47');
    const vision = readHeaders(specOf('scout-bf16')).filter(({ name }) => /vision|projector/.test(name));
    expect(new Set(vision.map(({ file }) => file))).toEqual(new Set(['model-00001-of-00050.safetensors']));
  });

  it('are those of the int4 recipe: 64.9 GB, 52.9 of them int4, in 7,344 tensors', () => {
    const tensors = readHeaders(specOf('scout-w4a16'));
    const int4 = tensors.filter(({ name }) => /\.weight_(packed|scale|shape)$/.test(name));
    const bytes = int4.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
    expect(int4).toHaveLength(7344);
    expect(billions(bytes, 1)).toBe('52.9');
    expect(billions(specOf('scout-w4a16').tensorBytes - bytes, 1)).toBe('11.9');
    expect(billions(specOf('scout-w4a16').tensorBytes, 1)).toBe('64.9');
    expect(billions(specOf('maverick-w4a16').tensorBytes, 1)).toBe('215.9');
  });

  it('are those of MLX: 60.6 GB of text', () => {
    expect(billions(specOf('scout-mlx4').tensorBytes, 1)).toBe('60.6');
    const layers = readHeaders(specOf('maverick-mlx4')).filter(({ name }) => /self_attn|_proj/.test(name));
    expect(
      billions(
        layers.reduce((sum, tensor) => sum + tensorBytes(tensor), 0),
        1,
      ),
    ).toBe('224.2');
  });

  it.each([
    ['group 32', 4.5, 59.45, 63.6, 60.63, 224.2],
    ['group 64', 4.25, 56.15, 60.3, 57.26, 211.8],
    ['group 128', 4.125, 54.5, 58.65, 55.58, 205.5],
    ['group 64, affine', 4.5, 59.45, 63.6, 60.63, 224.2],
    ['group 128, affine', 4.25, 56.15, 60.3, 57.26, 211.8],
  ])('are those of the table of storage: %s', (_, bits, layers, bf16Vocabulary, sameVocabulary, maverick) => {
    const table = (value: number): number => Number(billions(value, 2));
    expect(table(storage(SCOUT, bits))).toBe(layers);
    expect(table(storage(SCOUT, bits, 16))).toBe(bf16Vocabulary);
    expect(table(storage(SCOUT, bits, bits))).toBe(sameVocabulary);
    expect(Number(billions(storage(MAVERICK, bits), 1))).toBe(maverick);
  });

  it('are those of the table of storage: bf16', () => {
    expect(billions(storage(SCOUT, 16), 1)).toBe('211.4');
    expect(billions(storage(SCOUT, 16, 16), 1)).toBe('215.5');
    expect(billions(storage(MAVERICK, 16), 0)).toBe('797');
  });
});

describe('a ghost of other sizes', () => {
  it('keeps true shapes with fewer layers', () => {
    const text = (layers: number) => ghostSpec('scout-w4a16', { dims: { layers, vision: undefined } }).tensorBytes;
    const oneLayer = text(2) - text(1);
    expect(text(1) + 47 * oneLayer).toBe(expectedOf('scout-w4a16') - 2 * VISION_PARAMETERS);
  });

  it.each(GHOST_NAMES)('can be tiny: %s', (name) => {
    const spec = ghostSpec(name, { dims: TINY, maxFileBytes: 300_000 });
    expect(spec.weightFileBytes).toBeLessThan(4e6);
    expect(shardsOf(spec).length).toBeGreaterThan(1);
    expect(readHeaders(spec).length).toBeGreaterThan(30);
  });

  it('stores an order of activation and zero points where asked', () => {
    const int4 = { groupSize: 64, symmetric: false, actorder: 'group' } as const;
    const tensors = readHeaders(ghostSpec('scout-w4a16', { dims: TINY, int4 }));
    const of = (ending: string) => tensors.filter(({ name }) => name.endsWith(`experts.0.up_proj.${ending}`))[0];
    expect(of('weight_g_idx')).toMatchObject({ dtype: 'I32', shape: [128] });
    expect(of('weight_zero_point')).toMatchObject({ dtype: 'I32', shape: [32, 2] });
    expect(of('weight_scale')).toMatchObject({ dtype: 'BF16', shape: [256, 2] });
  });

  it('refuses unknown names and sizes that are no whole groups', () => {
    expect(() => ghostSpec('scout-int3')).toThrow(/scout-w4a16/);
    expect(() => ghostSpec('scout-w4a16', { dims: { hidden: 100 } })).toThrow(/whole numbers/);
    expect(() => ghostSpec('scout-bf16', { dims: { layers: 0 } })).toThrow(/positive integer/);
  });
});
