/** Whole requests of several conversations, through the queue and the prefix cache, against engines that know only one. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ConversationEngine } from '../../src/engine/engine.ts';
import type { GenerateRequest, GenerationEvent } from '../../src/engine/request.ts';
import { createFakeTextEngine, END, fakeModel, letters } from './fake-model.ts';
import type { FakeOptions } from './fake-runner.ts';

type Message = { readonly role: string; readonly content: string };

/** Letters that depend on everything before, and now and then an end. */
const choose = (hash: number) => (hash % 23 === 0 ? END : letters(hash));

const engineWith = async (options: FakeOptions, prefixCacheBytes: number) => {
  const model = fakeModel({ choose, contextLength: 700, ...options });
  return {
    runner: model.runner,
    engine: (await createFakeTextEngine(model, { prefixCacheBytes })) as ConversationEngine,
  };
};

/** Texts of the choices; leaves or aborts after so many events. */
async function answer(engine: ConversationEngine, request: GenerateRequest, stop?: { after: number; how: string }) {
  const texts: string[] = [];
  let cached: number | undefined;
  const controller = new AbortController();
  const events = engine.generate(request, { signal: controller.signal });
  if (stop?.after === 0) controller.abort();
  let seen = 0;
  const read = async () => {
    for await (const event of events as AsyncIterable<GenerationEvent>) {
      if (event.type === 'text') texts[event.choice] = (texts[event.choice] ?? '') + event.text;
      if (event.type === 'usage') cached = event.usage.prompt_tokens_details.cached_tokens;
      if (++seen !== stop?.after) continue;
      if (stop.how === 'leave') break;
      if (stop.how === 'interrupt') await engine.interrupt();
      else controller.abort();
    }
  };
  await read().catch((error) => {
    if ((error as Error).name !== 'AbortError') throw error;
  });
  return { texts, cached };
}

test('requests of several conversations equal fresh engines, whatever came between and however it ended', async () => {
  const turn = fc.record({
    conversation: fc.integer({ min: 0, max: 3 }),
    kind: fc.constantFrom('continue', 'continue', 'regenerate', 'edit', 'complete'),
    text: fc.string({ unit: fc.constantFrom('a', 'é', '🐉', ' '), minLength: 1, maxLength: 12 }),
    choices: fc.constantFrom(1, 1, 2, 3),
    maxTokens: fc.integer({ min: 1, max: 40 }),
    seed: fc.integer({ min: 0, max: 3 }),
    frequencyPenalty: fc.constantFrom(0, 0, 1.5),
    stop: fc.option(
      fc.record({ after: fc.integer({ min: 0, max: 30 }), how: fc.constantFrom('leave', 'abort', 'interrupt') }),
      { nil: undefined, freq: 3 },
    ),
  });
  const history = fc.record({
    turns: fc.array(turn, { minLength: 3, maxLength: 9 }),
    budget: fc.constantFrom(0, 150, 400, 5000),
    chunk: fc.constantFrom(16, 64, Number.POSITIVE_INFINITY),
    block: fc.integer({ min: 4, max: 60 }),
    runAhead: fc.integer({ min: 1, max: 4 }),
  });
  let reused = 0;
  const property = fc.asyncProperty(history, async ({ turns, budget, ...options }) => {
    const { engine, runner } = await engineWith(options, budget);
    const conversations: Message[][] = [0, 1, 2, 3].map((name) => [{ role: 'system', content: `Be number ${name}.` }]);
    for (const { conversation, kind, text, stop, ...fields } of turns) {
      let messages = conversations[conversation]!;
      if (kind === 'regenerate' && messages.length > 2) messages = messages.slice(0, -1);
      else if (kind === 'edit') messages = [messages[0]!, { role: 'user', content: text }];
      else messages = [...messages, { role: 'user', content: text }];
      const prompt = { messages, ...(kind === 'complete' && { answer: text }) };
      const request: GenerateRequest = { prompt, sampling: {}, ...fields };
      const before = runner.prefills.length;
      const given = await answer(engine, request, stop);
      const expected = await answer((await engineWith(options, 0)).engine, request);
      if (!stop) {
        expect(given.texts).toEqual(expected.texts);
        expect(given.cached).toBe(runner.prefills[before]![0]);
        reused += given.cached! > 0 ? 1 : 0;
      }
      for (const [choice, text] of given.texts.entries()) {
        expect((expected.texts[choice] ?? '').slice(0, text?.length ?? 0)).toBe(text ?? '');
      }
      const said = (kind === 'complete' ? text : '') + (given.texts[0] ?? '');
      conversations[conversation] = [...messages, { role: 'assistant', content: said }];
      expect((await engine.stats()).bytes.parked).toBeLessThanOrEqual(budget);
    }
    await engine.unload();
    expect(runner.copies.size).toBe(0);
  });
  await fc.assert(property, { numRuns: 60 });
  expect(reused).toBeGreaterThan(50);
});
