/** Time travel on the GPU: whatever was stopped, edited or continued, text equals a fresh run's. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Session } from '../../src/engine/session.ts';
import { openNodeGpu } from '../../src/gpu/node.ts';
import { SourceReader } from '../../src/loader/loader.ts';
import { type LoadedModel, loadModel } from '../../src/model/load.ts';
import type { Sampling } from '../../src/model/runner.ts';
import { sourceOfTiny, tinyFiles } from './tiny-model.ts';

const GREEDY: Sampling = { temperature: 0, topP: 1, topK: 0, minP: 0, random: 0 };

let used: LoadedModel;
let fresh: LoadedModel;

beforeAll(async () => {
  const { gpu } = await openNodeGpu();
  const files = tinyFiles();
  const load = () => loadModel(new SourceReader(sourceOfTiny(files)), { gpu, contextLength: 256 });
  used = await load();
  fresh = await load();
});
afterAll(() => {
  used.destroy();
  fresh.destroy();
});

/** Prompt, then `tokens` greedy ids; the consumer leaves after them, with more asked for, as Stop does. */
async function generate(session: Session, prompt: readonly number[], tokens: number): Promise<number[]> {
  const { sampled } = await session.prefill(prompt, () => GREEDY);
  const ids = [sampled.id];
  if (tokens === 1) return ids;
  for await (const { id } of session.decode(40, () => GREEDY)) {
    ids.push(id);
    if (ids.length === tokens) break;
  }
  return ids;
}

const prompt = (length: number) => Array.from({ length }, (_, index) => (index * 37 + 11) % 90);

test('any sequence of prompts, stops and edits equals fresh runs', async () => {
  const step = fc.record({
    keep: fc.integer({ min: 1, max: 70 }),
    more: fc.array(fc.integer({ min: 0, max: 89 }), { maxLength: 20 }),
    tokens: fc.integer({ min: 1, max: 24 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 6 }), async (steps) => {
      const session = new Session(used);
      let timeline = prompt(20);
      for (const { keep, more, tokens } of steps) {
        timeline = [...timeline.slice(0, keep), ...more];
        const answer = await generate(session, timeline, tokens);
        expect(answer).toEqual(await generate(new Session(fresh), timeline, tokens));
        timeline = [...timeline, ...answer];
      }
    }),
    { numRuns: 25, seed: 11 }, // fixed, since a near tie may rarely fall either way
  );
});
