/** Conversations that take turns on the GPU: copies of keys and values are exact, and cost what they say. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Session } from '../../src/engine/session.ts';
import { openNodeGpu } from '../../src/gpu/node.ts';
import { SourceReader } from '../../src/loader/loader.ts';
import { type LoadedModel, loadModel } from '../../src/model/load.ts';
import { sourceOfTiny, tinyFiles } from '../model/tiny-model.ts';

const CHUNK = 24;
/** More than the first segment of global layers. */
const CONTEXT = 600;
/** f32 keys and values of 2 heads of 32 each; 3 chunked layers and a global one. */
const BYTES_PER_SLOT = 2 * 2 * 32 * 4;
const greedy = () => ({ temperature: 0, topP: 1, topK: 0, minP: 0, random: 0 });

let model: LoadedModel;
/** Set: the GPU gets requests for copies that it cannot meet. */
let refusing = false;
beforeAll(async () => {
  const gpu = await refusingGpu();
  const layers = { attention_chunk_size: CHUNK, num_hidden_layers: 4, no_rope_layers: [1, 1, 1, 0] };
  model = await loadModel(new SourceReader(sourceOfTiny(tinyFiles(layers, 'F32'))), { gpu, contextLength: CONTEXT });
});
afterAll(() => model?.destroy());

async function generate(session: Session, prompt: readonly number[], take: number) {
  const { sampled, cachedTokens } = await session.prefill(prompt, greedy);
  const ids = [sampled.id];
  if (take > 1) {
    for await (const { id } of session.decode(CONTEXT - prompt.length - 1, greedy)) if (ids.push(id) === take) break;
  }
  return { ids, cachedTokens };
}

const known = new Map<string, number[]>();
/** What a session says that knows nothing. It writes over what is on the GPU, so it comes before the one under test. */
async function fresh(prompt: readonly number[], take: number): Promise<number[]> {
  const key = `${prompt}:${take}`;
  if (!known.has(key)) known.set(key, (await generate(new Session(model), prompt, take)).ids);
  return known.get(key)!;
}

const start = (name: number) => [0, 20, 33, ...Array.from({ length: 15 }, (_, at) => (name * 31 + at * 7) % 90)];

interface Step {
  readonly prompt: readonly number[];
  readonly take: number;
  readonly ids: readonly number[];
}

/** Conversations that are continued, edited and answered anew, with what fresh runs say to each. */
async function plan(seed: number, steps: number): Promise<Step[]> {
  const turns = fc.sample(
    fc.record({
      name: fc.integer({ min: 0, max: 2 }),
      keep: fc.double({ min: 0, max: 1, noNaN: true }),
      added: fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 5 }),
      take: fc.integer({ min: 1, max: 9 }),
    }),
    { seed, numRuns: steps },
  );
  const timelines = [0, 1, 2].map(start);
  const list: Step[] = [];
  for (const { name, keep, added, take } of turns) {
    const timeline = timelines[name]!;
    const kept = keep < 0.6 ? timeline.length : Math.max(18, Math.floor(keep * timeline.length));
    const prompt = [...timeline.slice(0, kept), ...added];
    const ids = await fresh(prompt, take);
    timelines[name] = [...prompt, ...ids];
    list.push({ prompt, take, ids });
  }
  return list;
}

test('a few dozen turns of three conversations equal fresh runs, and more of them is found the more may be kept', async () => {
  const steps = await plan(7, 36);
  const cached: number[] = [];
  for (const budget of [0, 50_000, 1e6]) {
    const session = new Session(model, budget);
    let sum = 0;
    for (const { prompt, take, ids } of steps) {
      const answer = await generate(session, prompt, take);
      expect(answer.ids).toEqual(ids);
      sum += answer.cachedTokens;
      expect(session.parked.bytes).toBeLessThanOrEqual(budget);
    }
    cached.push(sum);
    session.close();
  }
  expect(cached[1]).toBeGreaterThan(cached[0]!);
  expect(cached[2]).toBeGreaterThan(cached[1]!);
});

test('a copy has exactly the slots in use, in every segment, and brings a long conversation back', async () => {
  const long = Array.from({ length: 540 }, (_, at) => (at * 37 + (at >> 4)) % 90);
  const other = start(1);
  const [expected, between] = [await fresh(long, 8), await fresh(other, 8)];
  const session = new Session(model, 10e6);
  expect((await generate(session, long, 4)).ids).toEqual(expected.slice(0, 4));
  const { length } = session;
  expect((await generate(session, other, 8)).ids).toEqual(between);
  const inChunk = length - Math.floor((length - 1) / CHUNK) * CHUNK;
  expect(session.parked).toMatchObject({ conversations: 1, bytes: (length + 3 * inChunk) * BYTES_PER_SLOT });
  expect(session.parked.bytes).toBe(model.kvCopyBytes(length, length));
  const again = await generate(session, [...long, ...expected.slice(0, 3)], 5);
  expect(again).toEqual({ ids: expected.slice(3), cachedTokens: 542 });
  session.close();
});

test('nothing is kept where the GPU refuses it, and nothing breaks', async () => {
  const expected = await fresh(start(1), 3);
  const session = new Session(model, 1e6);
  refusing = true;
  for (const name of [1, 2, 1]) await generate(session, start(name), 3);
  expect(session.parked).toMatchObject({ conversations: 0, bytes: 0 });
  refusing = false;
  await generate(session, start(2), 3);
  expect(session.parked.conversations).toBe(1);
  expect((await generate(session, start(1), 3)).ids).toEqual(expected);
  session.close();
});

/** This machine's GPU; while `refusing`, copies are asked for with more bytes than any buffer may have. */
async function refusingGpu(): Promise<GPU> {
  const { gpu } = await openNodeGpu();
  const requestAdapter = async (options?: GPURequestAdapterOptions) => {
    const adapter = (await gpu.requestAdapter(options))!;
    const requestDevice = adapter.requestDevice.bind(adapter);
    adapter.requestDevice = async (descriptor) => {
      const device = await requestDevice(descriptor);
      const createBuffer = device.createBuffer.bind(device);
      device.createBuffer = (asked) =>
        createBuffer(refusing && asked.label?.startsWith('copy of KV') ? { ...asked, size: 2 ** 40 } : asked);
      return device;
    };
    return adapter;
  };
  return { requestAdapter } as unknown as GPU;
}
