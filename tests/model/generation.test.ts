/** A long generation on a wrapped device: what it creates, how often it submits and reads back, what it keeps. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { Session } from '../../src/engine/session.ts';
import { SourceReader } from '../../src/loader/loader.ts';
import { type LoadedModel, loadModel } from '../../src/model/load.ts';
import type { Sampling } from '../../src/model/runner.ts';
import { type Counts, countingGpu, sourceOfTiny, TINY, tinyFiles } from './tiny-model.ts';

const SAMPLING: Sampling = { temperature: 1, topP: 0.9, topK: 40, minP: 0.01, random: 0.5 };
const TOKENS = 1000;

let model: LoadedModel;
let counts: Counts;

beforeAll(async () => {
  const counting = await countingGpu();
  counts = counting.counts;
  model = await loadModel(new SourceReader(sourceOfTiny(tinyFiles())), { gpu: counting.gpu, contextLength: 2048 });
});
afterAll(() => model.destroy());

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;

async function held(): Promise<number> {
  collect();
  await new Promise((resolve) => setImmediate(resolve)); // buffers are freed on another thread, which a busy machine delays
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Embedding, last norm, logits, and four for the choice. */
const AROUND_THE_LAYERS = 7;
/** Of one layer. */
const MAX_DISPATCHES = 8;

test('1,000 tokens create no buffer and no bind group but for KV segments, one pass and one submit each, and keep no memory', async () => {
  const session = new Session(model);
  await session.prefill([1, 2, 3], () => SAMPLING);
  await step(session, 20); // pipelines have run, rings have turned
  const before: Counts = { ...counts, buffers: [...counts.buffers] };
  let at100 = 0;
  let tokens = 0;
  for await (const { id } of session.decode(TOKENS, (position) => ({ ...SAMPLING, random: (position % 97) / 97 }))) {
    expect(id).toBeLessThan(96);
    if (++tokens === 100) at100 = await held();
  }
  const grown = (await held()) - at100;
  const segments = counts.buffers.slice(before.buffers.length);
  expect(segments).toEqual(['layer 2 KV of 512 tokens']); // positions 512 .. 1023 of the one global layer
  expect(counts.bindGroups - before.bindGroups).toBe(2); // it is written to and read from
  expect(counts.passes - before.passes).toBe(TOKENS);
  expect(counts.submits - before.submits).toBe(TOKENS);
  expect(counts.mappings - before.mappings).toBe(TOKENS);
  const { layers } = model.schedule;
  const most = layers.length * MAX_DISPATCHES + AROUND_THE_LAYERS;
  // Two KV segments of the one global layer: each is a piece of attention of its own.
  expect(counts.dispatches - before.dispatches).toBeLessThanOrEqual(TOKENS * (most + 1));
  expect(Math.abs(grown)).toBeLessThan(1e6);
});

test('the next steps are submitted while no readback has come', async () => {
  const session = new Session(model);
  await session.prefill([1, 2, 3], () => SAMPLING);
  const before = counts.submits;
  let release = () => {};
  counts.gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const steps = step(session, 4);
  await expect.poll(() => counts.submits - before).toBe(model.runAhead);
  release();
  await steps;
  expect(counts.submits - before).toBe(4);
});

test('who stops asking is followed by at most the steps in flight', async () => {
  const session = new Session(model);
  await session.prefill([5, 6, 7], () => SAMPLING);
  const before = counts.submits;
  for await (const { position } of session.decode(100, () => SAMPLING)) if (position === 12) break;
  expect(counts.submits - before).toBeLessThanOrEqual(12 - 3 + model.runAhead);
});

test('adjusting takes one dispatch more, log-probabilities two; neither creates anything or reads back twice', async () => {
  const adjustment = { repetitionPenalty: 1.2, presencePenalty: 0.5, frequencyPenalty: 0, bias: [] };
  const mask = new Uint32Array(Math.ceil(TINY.vocab_size / 32)).fill(0xffff_ffff);
  const spent = async (asked: Partial<Sampling>, own?: typeof adjustment): Promise<number> => {
    model.adjust(own, [1, 2, 3]);
    await model.prefill([1, 2, 3], 0, { ...SAMPLING, ...asked });
    const before: Counts = { ...counts, buffers: [...counts.buffers] };
    for (let position = 3; position < 8; position++) await model.step(position, { ...SAMPLING, ...asked });
    expect(counts.buffers).toEqual(before.buffers);
    const { bindGroups, submits, passes, mappings } = counts;
    expect({ bindGroups, submits, passes, mappings }).toEqual({
      bindGroups: before.bindGroups,
      submits: before.submits + 5,
      passes: before.passes + 5,
      mappings: before.mappings + 5,
    });
    return (counts.dispatches - before.dispatches) / 5;
  };
  const plain = await spent({});
  expect(await spent({}, adjustment)).toBe(plain + 1);
  expect(await spent({ mask }, adjustment)).toBe(plain + 1);
  expect(await spent({ mask })).toBe(plain + 1);
  expect(await spent({ logprobs: 20 })).toBe(plain + 2);
  expect(await spent({ mask, logprobs: 0 }, adjustment)).toBe(plain + 3);
  expect(await spent({})).toBe(plain);
});

async function step(session: Session, tokens: number): Promise<void> {
  for await (const _ of session.decode(tokens, () => SAMPLING));
}

test.each([1, 2, 3])('a layer takes at most 8 dispatches where its experts lie in %i buffers', async (shards) => {
  const experts = 128; // so that a third of their bytes is more than any other buffer's
  const slots = experts + 1; // one is the shared expert
  const pair = 2 * TINY.intermediate_size * TINY.hidden_size * 2; // bytes of gate and up in bf16
  const { gpu, counts } = await countingGpu(Math.ceil(slots / shards) * pair);
  const small = await loadModel(new SourceReader(sourceOfTiny(tinyFiles({ num_local_experts: experts }))), {
    gpu,
    contextLength: 64,
  });
  onTestFinished(() => small.destroy());
  expect(counts.buffers.filter((label) => label === 'layers.0.experts.gate_up_proj')).toHaveLength(shards);
  const session = new Session(small);
  await session.prefill([1, 2, 3], () => SAMPLING);
  const before = counts.dispatches;
  await step(session, 4);
  const { layers } = small.schedule;
  expect(counts.dispatches - before).toBe(4 * (layers.length * MAX_DISPATCHES + AROUND_THE_LAYERS));
});
