/**
 * Two whole layers at Scout's own size: experts of 5120 x 8192, int4, in buffers of at most 128 MiB. All 16 of each layer with
 * `npm run true-size`; `npm test` takes four, the reference being what costs.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ghostBytes } from '../../src/ghost/bytes.ts';
import { ghostSpec, withFiles } from '../../src/ghost/spec.ts';
import type { GhostSpec } from '../../src/ghost/types.ts';
import { type Gpu, openDevice } from '../../src/gpu/device.ts';
import { openNodeGpu } from '../../src/gpu/node.ts';
import { SourceReader } from '../../src/loader/loader.ts';
import type { LayoutOptions } from '../../src/model/layout/layout.ts';
import { loadWeights, type Model } from '../../src/model/model.ts';
import { Probe } from '../../src/model/probe.ts';
import { type ForwardResult, forward } from '../../src/reference/forward.ts';
import { normalizedError } from '../model/errors.ts';
import { ghostSource, tensorReader } from './ghost-source.ts';
import { lazyWeights } from './lazy-weights.ts';

const EXPERTS = Number(process.env.TRUE_SIZE_EXPERTS ?? 16);
const MAX_BINDING_BYTES = 128 << 20;
/** What the issue asks; f32 sums of 8192 products leave about 1e-12. */
const BOUND = 1e-9;

/** Milliseconds. About a minute on two idle cores, most of it in the reference; the lane's other tests run beside it. */
const TIMEOUT = 600_000;

/** As many tokens as experts: token t goes to expert t, and in the second layer in another order. */
const ids = Array.from({ length: EXPERTS }, (_, token) => (token * 5 + 3) % 64);
const routes = [ids.map((_, token) => token), ids.map((_, token) => (token * 7 + 2) % EXPERTS)];

let gpu: Gpu;
let model: Model;
let probe: Probe;
let expected: ForwardResult;

beforeAll(async () => {
  const spec = twoLayers();
  const reader = new BoundedReader(ghostSource(spec));
  const { config } = await reader.inspect();
  gpu = await openDevice((await openNodeGpu()).gpu);
  model = await timed('loading', () => loadWeights(gpu, reader, config));
  probe = await timed('compiling', () => Probe.create(model, EXPERTS, EXPERTS));
  const forcedRoutes = new Map(routes.entries());
  const weights = lazyWeights(tensorReader(spec), spec.dims);
  expected = await timed('the reference', () => forward(ids, config, model.schedule, weights, { forcedRoutes }));
}, TIMEOUT);
afterAll(() => gpu.destroy());

/** Scout's sizes, but for the vocabulary: the head is not what this is about. The second layer is global, without RoPE. */
function twoLayers(): GhostSpec {
  const spec = ghostSpec('scout-w4a16', { dims: { layers: 2, vocab: 64, experts: EXPERTS, vision: undefined } });
  const text = new TextDecoder().decode(ghostBytes(spec, 'config.json', 0, spec.files.get('config.json')!.size));
  const config = JSON.parse(text);
  Object.assign(config.text_config, { no_rope_layers: [1, 0] });
  return withFiles(spec, { 'config.json': new TextEncoder().encode(JSON.stringify(config)) });
}

/** As where an adapter allows no larger bindings than this. */
class BoundedReader extends SourceReader {
  override layOut(options: LayoutOptions): ReturnType<SourceReader['layOut']> {
    return super.layOut({ ...options, maxBytes: Math.min(options.maxBytes, MAX_BINDING_BYTES) });
  }
}

test('one layer is chunked with RoPE, the other global without; the experts of each lie in many buffers', () => {
  const { schedule, weights, buffers, bytes } = model;
  expect(schedule.layers.map(({ attention, rope }) => [attention, rope])).toEqual([
    ['chunked', true],
    ['global', false],
  ]);
  const largest = Math.max(...buffers.map(({ size }) => size));
  console.log(
    `${gpu.facts.description}: ${bytes.weights} bytes in ${buffers.length} buffers, the largest of ${largest}`,
  );
  expect(largest).toBeLessThanOrEqual(MAX_BINDING_BYTES);
  for (const { feedForward } of weights.layers) {
    if (feedForward.kind === 'dense') throw new Error('a dense layer');
    const { gateUpProj, downProj } = feedForward.experts;
    expect(gateUpProj.shards.length).toBeGreaterThan(EXPERTS > 4 ? 3 : 1); // 3: what one dispatch could bind
    expect(downProj.shards.length).toBeGreaterThan(EXPERTS > 4 ? 1 : 0);
  }
});

test.each([
  ['in one block', EXPERTS],
  ['one after the other', 1],
])(
  `${EXPERTS} tokens, %s, each to another expert of both layers`,
  async (name, blockRows) => {
    const found = await timed(name, () => probe.run(ids, { blockRows, forcedExperts: routes }));
    expected.hidden.forEach((wanted, layer) => {
      const error = normalizedError(found.hidden.get(`${layer}`)!, wanted);
      console.log(`layer ${layer}, ${name}: NMSE ${error.toExponential(1)}`);
      expect(error).toBeLessThanOrEqual(BOUND);
    });
    expect(found.experts.map((experts) => [...experts])).toEqual(routes);
  },
  TIMEOUT,
);

async function timed<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  console.log(`${what}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
  return result;
}
