import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ghostBytes, ghostSha256, ghostTensorBytes, tensorPieces } from '../../src/ghost/bytes.ts';
import { TINY } from '../../src/ghost/dims.ts';
import { GHOST_NAMES, ghostSpec, ghostTensors } from '../../src/ghost/spec.ts';
import type { GhostSpec, GhostTensor } from '../../src/ghost/types.ts';

const trueSize = ghostSpec('scout-w4a16', { dims: { layers: 2, vision: undefined } });

function floats(tensor: GhostTensor, count: number): Float64Array {
  const bytes = ghostTensorBytes(tensor, 0, tensor.dtype === 'F8_E4M3' ? count : 2 * count);
  if (tensor.dtype === 'BF16') {
    const words = new Uint16Array(bytes.buffer);
    return Float64Array.from(words, (word) => new Float32Array(new Uint32Array([word << 16]).buffer)[0]!);
  }
  return Float64Array.from(bytes, (code) => {
    const [exponent, mantissa] = [(code >> 3) & 15, code & 7];
    const size = exponent === 0 ? mantissa * 2 ** -9 : (8 + mantissa) * 2 ** (exponent - 10);
    return (code & 0x7f) === 0x7f ? Number.NaN : code & 0x80 ? -size : size;
  });
}

const deviation = (values: Float64Array): number =>
  Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
const find = (spec: GhostSpec, ending: string) => ghostTensors(spec).find(({ name }) => name.endsWith(ending))!;

describe("a ghost's bytes", () => {
  it('are the same however a range is cut, also across tensors and files of gigabytes', () => {
    const files = [...trueSize.files.values()];
    const cuts = fc.record({
      file: fc.constantFrom(...files),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      lengths: fc.array(fc.integer({ min: 0, max: 1_500_000 }), { minLength: 1, maxLength: 4 }),
    });
    fc.assert(
      fc.property(cuts, ({ file, at, lengths }) => {
        const segment = file.segments[Math.floor(at * (file.segments.length - 1))]!;
        const start = Math.max(0, segment.end - 700_000);
        const ends = lengths.map((_, i) => lengths.slice(0, i + 1).reduce((sum, length) => sum + length, start));
        const inside = [start, ...ends].map((end) => Math.min(end, file.size));
        const whole = ghostBytes(trueSize, file.path, start, inside.at(-1)!);
        const parts = inside.slice(1).map((end, i) => ghostBytes(trueSize, file.path, inside[i]!, end));
        expect(Buffer.concat(parts).equals(whole)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('are handed out as views of shared memory, a megabyte at most', () => {
    const tensor = find(trueSize, 'embed_tokens.weight');
    const pieces = [...tensorPieces(tensor, 1_000_003, 9_000_000)];
    expect(pieces.reduce((sum, { length }) => sum + length, 0)).toBe(7_999_997);
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(1 << 20);
    expect(new Set(pieces.map(({ buffer }) => buffer)).size).toBe(1);
  });

  it('differ between rows, tensors and revisions', () => {
    const [one, other] = ['0.gate_proj.weight_packed', '1.gate_proj.weight_packed'].map((name) => find(trueSize, name));
    const row = (tensor: GhostTensor, index: number, revision = 0) =>
      Buffer.from(ghostTensorBytes(tensor, index * 2560, (index + 1) * 2560, revision)).toString('hex');
    const rows = Array.from({ length: 2000 }, (_, index) => row(one!, index));
    expect(new Set(rows).size).toBe(2000);
    expect(rows).not.toContain(row(other!, 0));
    expect(rows).not.toContain(row(one!, 0, 1));
  });

  it.each([
    ['scout-bf16', 'lm_head.weight', 0.02],
    ['scout-bf16', '0.input_layernorm.weight', 1],
    ['scout-fp8', 'experts.0.up_proj.weight', 110],
  ])('of %s are finite and of a sensible size: %s', (name, ending, size) => {
    const values = floats(find(ghostSpec(name, { dims: { ...TINY, vocab: 4096 } }), ending), 100);
    expect(values.every(Number.isFinite)).toBe(true);
    expect(deviation(values) / size).toBeGreaterThan(0.8);
    expect(deviation(values) / size).toBeLessThan(1.2);
  });

  it.each(GHOST_NAMES.filter((name) => name.startsWith('scout')))(
    'hold no NaN, and scales above zero, in all of %s',
    (name) => {
      for (const tensor of ghostTensors(ghostSpec(name, { dims: TINY }))) {
        if (tensor.dtype !== 'BF16' && tensor.dtype !== 'F8_E4M3') continue;
        const count = tensor.shape.reduce((product, size) => product * size, 1);
        const values = floats(tensor, count);
        expect(values.every(Number.isFinite), tensor.name).toBe(true);
        if (/scales?$/.test(tensor.name)) expect(Math.min(...values), tensor.name).toBeGreaterThan(0);
      }
    },
  );

  it('store true shapes, and as many columns in each group as the format wants', () => {
    const int4 = { groupSize: 64, actorder: 'group' } as const;
    const spec = ghostSpec('scout-w4a16', { dims: { ...TINY, hidden: 640, vision: undefined }, int4 });
    const shape = find(spec, 'experts.3.gate_proj.weight_shape');
    expect([...new BigInt64Array(ghostTensorBytes(shape, 0, 16).buffer)]).toEqual([256n, 640n]);
    const groups = [...new Int32Array(ghostTensorBytes(find(spec, '3.gate_proj.weight_g_idx'), 0, 2560).buffer)];
    expect(groups.slice(0, 64)).not.toEqual(new Array(64).fill(0));
    expect([...groups].sort((a, b) => a - b)).toEqual(Array.from({ length: 640 }, (_, col) => Math.floor(col / 64)));
  });

  it('have the hash that their concatenation has', async () => {
    const spec = ghostSpec('scout-nvfp4', { dims: TINY });
    const file = spec.files.get('model.safetensors')!;
    const digest = await crypto.subtle.digest('SHA-256', ghostBytes(spec, file.path, 0, file.size));
    expect(ghostSha256(file)).toBe(Buffer.from(digest).toString('hex'));
  });
});
