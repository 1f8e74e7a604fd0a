import { describe, expect, it, onTestFinished } from 'vitest';
import { serveGhost } from '../../src/ghost/server.ts';
import { ghostSpec } from '../../src/ghost/spec.ts';
import { planSource } from '../../src/loader/plan.ts';
import { openSource } from '../../src/storage/open.ts';
import { EXPECTED, MAVERICK, type Model, SCOUT, VISION_PARAMETERS } from '../ghost/sums.ts';

/** Bytes of rows x cols weights on the GPU. */
type Rule = (rows: number, cols: number) => number;

const bf16: Rule = (rows, cols) => 2 * rows * cols;
const int4: Rule = (rows, cols) => (rows * cols) / 2 + (rows * cols * 2) / 128;
const affine4: Rule = (rows, cols) => (rows * cols) / 2 + (rows * cols * 4) / 64;
const fp8: Rule = (rows, cols) => rows * cols + 2 * rows;
/** The one factor of a matrix is repeated for each of its rows. */
const nvfp4: Rule = (rows, cols) => (rows * cols) / 2 + (rows * cols) / 16 + 4 * rows;

const feedForward = (rule: Rule, width: number): number => 2 * rule(width, 5120) + rule(5120, width);

/** What the GPU holds, from the published shapes alone. */
function residentOf({ experts, moeLayers }: Model, of: Partial<Record<'all' | 'experts' | 'shared', Rule>>) {
  const { all = bf16, experts: expert = all, shared = all } = of;
  return {
    embedding: all(202048, 5120),
    attention: 48 * (2 * all(5120, 5120) + 2 * all(1024, 5120)),
    norms: 97 * 5120 * 4,
    router: moeLayers * all(experts, 5120),
    'routed experts': moeLayers * experts * feedForward(expert, 8192),
    'shared experts': moeLayers * feedForward(shared, 8192),
    'dense layers': (48 - moeLayers) * feedForward(all, 16384),
    head: all(202048, 5120),
  };
}

const quantized = (rule: Rule) => residentOf(SCOUT, { experts: rule, shared: rule });

const GHOSTS = [
  { name: 'scout-bf16', total: EXPECTED.bf16!(SCOUT), resident: residentOf(SCOUT, {}) },
  { name: 'scout-w4a16', total: EXPECTED.w4a16!(SCOUT), resident: quantized(int4) },
  { name: 'scout-mlx4', total: EXPECTED.mlx4!(SCOUT), resident: residentOf(SCOUT, { all: affine4 }) },
  { name: 'scout-fp8', total: EXPECTED.fp8!(SCOUT), resident: quantized(fp8) },
  { name: 'scout-nvfp4', total: EXPECTED.nvfp4!(SCOUT), resident: quantized(nvfp4) },
  { name: 'maverick-fp8', total: EXPECTED['meta-fp8']!(MAVERICK), resident: residentOf(MAVERICK, { experts: fp8 }) },
] as const;

describe.each(GHOSTS)('the plan of $name over HTTP', ({ name, total, resident }) => {
  it('is what the published shapes come to, to the byte, and reads at most 8 MB: every head and the index once', async () => {
    const spec = ghostSpec(name);
    const server = await serveGhost({ spec });
    onTestFinished(() => server.close());
    const plan = await planSource(await openSource(server.url));

    expect(plan.tensors).toBe(total);
    expect(plan.gpu.classes).toEqual(resident);
    expect(plan.gpu.weights).toBe(Object.values(resident).reduce((a, b) => a + b));
    expect(plan.disk).toBe([...spec.files.values()].reduce((sum, { size }) => sum + size, 0) - unread(spec));
    // Norms are widened; nothing else of the text grows but what one factor of nvfp4 becomes.
    if (name === 'scout-bf16') expect(plan.read).toBe(total - 2 * VISION_PARAMETERS);

    const weights = server.counters.served.filter(({ file }) => file.endsWith('.safetensors'));
    const shards = [...spec.files.keys()].filter((file) => file.endsWith('.safetensors'));
    expect(server.counters.bytes).toBeLessThanOrEqual(8e6);
    for (const shard of shards) {
      const [first, ...more] = weights.filter(({ file, sent }) => file === shard && sent > 1);
      expect(more).toEqual([]);
      expect(first).toMatchObject({ start: 0 });
    }
  });
});

/** Files that neither loading nor the plan has a use for. */
function unread({ files }: ReturnType<typeof ghostSpec>): number {
  return files.get('hf_quant_config.json')?.size ?? 0;
}
