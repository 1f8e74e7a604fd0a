/** Several conversations over one runner: whatever was parked, put back, evicted or refused, texts are those of fresh runs. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { uniform } from '../../src/engine/random.ts';
import { Session } from '../../src/engine/session.ts';
import { type FakeOptions, FakeRunner } from './fake-runner.ts';

const CONTEXT = 120;
const samplingAt = (position: number) => ({
  ...{ temperature: 1, topP: 1, topK: 0, minP: 0 },
  random: uniform(7, 0, position),
});

/** Generates `take` ids; stops asking then, with steps in flight. */
async function run(session: Session, prompt: readonly number[], take: number) {
  const { sampled, cachedTokens } = await session.prefill(prompt, samplingAt);
  const ids = [sampled.id];
  if (take > 1) {
    for await (const { id } of session.decode(CONTEXT - prompt.length - 1, samplingAt)) {
      if (ids.push(id) >= take) break;
    }
  }
  return { ids, cachedTokens };
}

/** A prompt of its own: `name` in every place. */
const promptOf = (name: number, length: number) => Array.from({ length }, () => name);

function cached(options: FakeOptions = {}, cacheBytes = 1000) {
  const runner = new FakeRunner({ chunk: 64, contextLength: CONTEXT, ...options });
  return { runner, session: new Session(runner, cacheBytes) };
}

describe('the prefix cache', () => {
  it('gives the text of fresh runs in any order of conversations, edits, aborts, budgets and refusals', async () => {
    const turn = fc.record({
      conversation: fc.integer({ min: 0, max: 3 }),
      // How much of its last timeline the next prompt repeats: often all.
      keep: fc.oneof({ weight: 2, arbitrary: fc.constant(CONTEXT) }, fc.integer({ min: 0, max: 90 })),
      added: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 12 }),
      take: fc.integer({ min: 1, max: 40 }),
      abortAfterBlocks: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined, freq: 4 }),
    });
    const history = fc.record({
      turns: fc.array(turn, { minLength: 4, maxLength: 14 }),
      budget: fc.constantFrom(0, 120, 250, 1000),
      chunk: fc.constantFrom(8, 32, Number.POSITIVE_INFINITY),
      block: fc.integer({ min: 1, max: 20 }),
      runAhead: fc.integer({ min: 1, max: 4 }),
      refuseCopies: fc.constantFrom(false, false, false, true),
    });
    let restored = 0;
    const property = fc.asyncProperty(history, async ({ turns, budget, ...rest }) => {
      const options = { ...rest, vocabSize: 5 };
      const { runner, session } = cached(options, budget);
      const restoreKv = runner.restoreKv.bind(runner);
      runner.restoreKv = (copy) => {
        restored++;
        restoreKv(copy);
      };
      const timelines = [0, 1, 2, 3].map((name) => [1, 2, 3, name]); // a system prompt, then its own
      for (const { conversation, keep, added, take, abortAfterBlocks } of turns) {
        const prompt = [...timelines[conversation]!.slice(0, Math.max(4, keep)), ...added].slice(0, CONTEXT - 1);
        timelines[conversation] = prompt;
        if (abortAfterBlocks !== undefined) await abortPrefill(session, prompt, abortAfterBlocks);
        else {
          const length = Math.min(take, CONTEXT - prompt.length);
          const { ids } = await run(session, prompt, length);
          const alone = new Session(new FakeRunner({ ...options, contextLength: CONTEXT }));
          expect(ids).toEqual((await run(alone, prompt, length)).ids);
          timelines[conversation] = [...prompt, ...ids];
        }
        expect(session.parked.bytes).toBeLessThanOrEqual(budget);
        const copies = [...runner.copies];
        expect(session.parked.conversations).toBe(copies.length);
        expect(session.parked.bytes).toBe(copies.reduce((sum, { bytes }) => sum + bytes, 0));
      }
      session.close();
      expect(runner.copies.size).toBe(0);
    });
    await fc.assert(property, { numRuns: 200 });
    expect(restored).toBeGreaterThan(40); // else it would prove nothing of restoring; 93 to 130 are usual
  });

  it('finds a conversation again after others came between, all but its last token', async () => {
    const { session, runner } = cached();
    const first = await run(session, promptOf(1, 30), 20);
    await run(session, promptOf(2, 30), 20);
    await run(session, promptOf(3, 30), 20);
    expect(session.parked.conversations).toBe(2);
    const again = [...promptOf(1, 30), ...first.ids, 5];
    const { cachedTokens } = await run(session, again, 5);
    expect(cachedTokens).toBeGreaterThanOrEqual(49);
    expect(runner.prefills.at(-1)![0]).toBe(cachedTokens);
    expect(session.parked.conversations).toBe(2); // it is no longer aside, and the third is
  });

  it('keeps both branches of a conversation that was edited', async () => {
    const { session } = cached();
    const { ids } = await run(session, promptOf(1, 30), 30);
    const edited = [...promptOf(1, 30), 7, 7];
    await run(session, edited, 20);
    expect((await run(session, [...promptOf(1, 30), ...ids], 1)).cachedTokens).toBeGreaterThanOrEqual(59);
    expect((await run(session, edited, 1)).cachedTokens).toBe(31);
  });

  it('obeys the rule of chunks where the common part ends before the last one', async () => {
    const { session } = cached({ chunk: 16 });
    await run(session, promptOf(1, 60), 1);
    await run(session, promptOf(2, 60), 1);
    expect((await run(session, [...promptOf(1, 40), 9], 1)).cachedTokens).toBe(32);
  });

  it('lets the one go that was used longest ago, and keeps nothing that is quickly read again', async () => {
    const { session, runner } = cached({}, 2 * 2 * 40);
    for (const name of [1, 2, 3, 4]) await run(session, promptOf(name, 40), 1);
    expect(session.parked).toMatchObject({ conversations: 2, bytes: 160 });
    expect((await run(session, promptOf(1, 40), 1)).cachedTokens).toBe(0);
    await run(session, promptOf(5, 10), 1); // short: nobody keeps it
    const { size } = runner.copies;
    await run(session, promptOf(6, 40), 1);
    expect(runner.copies.size).toBe(size);
  });

  it('does not copy a conversation that is continued, nor the answers to one prompt', async () => {
    const { session, runner } = cached();
    const { ids } = await run(session, promptOf(1, 30), 20);
    const next = [...promptOf(1, 30), ...ids, 8, 8];
    await run(session, next, 20);
    await session.prefill(next, samplingAt, { park: false });
    expect(runner.copies.size).toBe(0);
  });

  it('frees everything when a run fails, and parks nothing once it is closed', async () => {
    const { session, runner } = cached();
    await run(session, promptOf(1, 30), 1);
    await run(session, promptOf(2, 30), 1);
    expect(runner.copies.size).toBe(1);
    runner.failNext = new Error('out of memory');
    await expect(run(session, promptOf(2, 31), 5)).rejects.toThrow('out of memory');
    expect(runner.copies.size).toBe(0);
    await run(session, promptOf(1, 30), 1);
    const parking = run(session, promptOf(2, 30), 1);
    session.close(); // while the copy is under way
    await parking;
    expect(runner.copies.size).toBe(0);
  });
});

async function abortPrefill(session: Session, prompt: readonly number[], blocks: number): Promise<void> {
  const controller = new AbortController();
  let seen = 0;
  if (blocks === 0) queueMicrotask(() => controller.abort());
  const onProgress = () => {
    if (++seen === blocks) controller.abort();
  };
  await session.prefill(prompt, samplingAt, { signal: controller.signal, onProgress }).catch((error) => {
    if (error !== controller.signal.reason) throw error;
  });
}
