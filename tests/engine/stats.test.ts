/** `engine.stats()`: the same in this thread and through a worker. */
import { expect, test } from 'vitest';
import type { Engine } from '../../src/api/engine.ts';
import { createRemoteEngine } from '../worker/fake-worker.ts';
import { createFakeEngine, type FakeModel, fakeModel } from './fake-model.ts';

const request = { messages: [{ role: 'user' as const, content: 'Hi' }], temperature: 0, max_tokens: 12 };
const engines: readonly (readonly [string, (model: FakeModel) => Promise<Engine>])[] = [
  ['in this thread', createFakeEngine],
  ['through a worker', createRemoteEngine],
];

test.each(engines)('tell what the next step costs and how fast the last answer was, %s', async (_, create) => {
  const engine = await create(fakeModel());
  const variants = { matvec: { name: 'fake', why: 'only one', seconds: {} } };
  const bytes = { weights: 100, kv: 10, activations: 1, parked: 0, total: 111 };
  const step = (position: number) => ({ dispatches: 8, bytes: 1e6 + position, flops: 2e6 });
  expect(engine.variants).toEqual(variants);
  expect(await engine.stats()).toEqual({
    ...{ position: 0, decodeStep: step(0), lastAnswer: undefined, bytes, variants },
    parkedConversations: 0,
  });

  const { usage } = await engine.chat.completions.create(request);
  const { position, decodeStep, lastAnswer } = await engine.stats();
  expect(position).toBeGreaterThanOrEqual(usage!.total_tokens - 1); // the last token is not fed; later ones may have been
  expect(decodeStep).toEqual(step(position));
  const middle = Math.floor(usage!.prompt_tokens + usage!.completion_tokens / 2);
  const { decode_gb_per_s, ...rest } = lastAnswer!;
  expect(rest).toEqual(usage);
  expect(decode_gb_per_s).toBeCloseTo((usage!.extra.decode_tokens_per_s * step(middle).bytes) / 1e9, 9);

  await engine.unload();
  await expect(engine.stats()).rejects.toMatchObject({ code: 'engine_unloaded' });
});
