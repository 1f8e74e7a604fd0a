import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { uniform } from '../../src/engine/random.ts';
import { Session } from '../../src/engine/session.ts';
import { type FakeOptions, FakeRunner } from './fake-runner.ts';

const CHUNK = 8;
const CONTEXT = 48;
const samplingAt = (position: number) => ({
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  random: uniform(7, 0, position),
});

/** Generates at most `limit` ids; stops by itself after `take`, as a stop string would. */
async function run(session: Session, prompt: number[], limit: number, take = limit): Promise<number[]> {
  const { sampled } = await session.prefill(prompt, samplingAt);
  const ids = [sampled.id];
  if (take > 1) {
    for await (const { id } of session.decode(limit - 1, samplingAt)) {
      ids.push(id);
      if (ids.length >= take) break;
    }
  }
  return ids;
}

const fresh = (prompt: number[], limit: number, options: FakeOptions) =>
  run(new Session(new FakeRunner(options)), prompt, limit);

describe('Session', () => {
  it('gives the text of a fresh engine after any history of stops, aborts, edits and continuations', async () => {
    const turn = fc.record({
      keep: fc.integer({ min: 0, max: CONTEXT - 2 }), // how much of the last timeline the next prompt repeats
      added: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 20 }),
      limit: fc.integer({ min: 1, max: 20 }),
      take: fc.integer({ min: 1, max: 20 }),
      abortAfterBlocks: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined, freq: 3 }),
    });
    const property = fc.asyncProperty(
      fc.array(turn, { minLength: 2, maxLength: 6 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: CHUNK }),
      fc.constantFrom(CHUNK, Number.POSITIVE_INFINITY),
      async (turns, runAhead, block, chunk) => {
        const options = { chunk, contextLength: CONTEXT, runAhead, block, vocabSize: 5 };
        const session = new Session(new FakeRunner(options));
        let timeline = [1];
        for (const { keep, added, limit, take, abortAfterBlocks } of turns) {
          const prompt = [1, ...timeline.slice(1, keep), ...added].slice(0, CONTEXT - 1);
          const room = Math.min(limit, CONTEXT - prompt.length);
          if (abortAfterBlocks !== undefined) {
            await abortPrefill(session, prompt, abortAfterBlocks);
            timeline = prompt;
            continue;
          }
          const ids = await run(session, prompt, room, Math.min(take, room));
          expect(ids).toEqual((await fresh(prompt, room, options)).slice(0, ids.length));
          timeline = [...prompt, ...ids];
        }
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });

  it('equals a fresh run from every cut within 8 tokens of a chunk boundary', async () => {
    const options = { chunk: 16, contextLength: 64, runAhead: 4, block: 5 };
    const prompt = [5, 6, 7];
    for (let stop = 32 - 8; stop <= 32 + 8; stop++) {
      for (let edit = 32 - 8; edit <= stop; edit += 3) {
        const session = new Session(new FakeRunner(options));
        const ids = await run(session, prompt, 60, stop - prompt.length);
        const next = [...prompt, ...ids].slice(0, edit).concat(90, 91);
        expect(await run(session, next, 12)).toEqual(await fresh(next, 12, options));
      }
    }
  });

  it('submits at most the run-ahead after the consumer stops, and none over a chunk boundary', async () => {
    const runner = new FakeRunner({ chunk: 8, contextLength: 64, runAhead: 4 });
    const session = new Session(runner);
    await run(session, [1, 2, 3], 40, 4); // yields the ids at positions 3, 4, 5, 6
    expect(runner.steps).toEqual([3, 4, 5, 6, 7]); // 3 were needed; 6 and 7 ran ahead, 8 would begin a chunk
    expect(session.length).toBe(8);
  });

  it('feeds nothing but the last token when the prompt is already there', async () => {
    const runner = new FakeRunner({ chunk: 8 });
    const session = new Session(runner);
    const first = await session.prefill([1, 2, 3, 4, 5], samplingAt);
    const second = await session.prefill([1, 2, 3, 4, 5], samplingAt);
    expect(second).toEqual({ sampled: first.sampled, cachedTokens: 4 });
    expect(runner.prefills).toEqual([
      [0, 5],
      [4, 5],
    ]);
  });

  it('goes back to the start of the chunk when the edit lies before the current one', async () => {
    const runner = new FakeRunner({ chunk: 8 });
    const session = new Session(runner);
    const prompt = Array.from({ length: 20 }, (_, index) => index);
    await session.prefill(prompt, samplingAt);
    const { cachedTokens } = await session.prefill([...prompt.slice(0, 13), 50], samplingAt);
    expect(cachedTokens).toBe(8);
  });

  it.each([0, 1])('knows after an abort (%i blocks in) that local layers may hold another chunk', async (blocks) => {
    const options = { chunk: 8, contextLength: 64, block: 8 };
    const session = new Session(new FakeRunner(options));
    const prompt = Array.from({ length: 30 }, (_, index) => index);
    await session.prefill(prompt, samplingAt);
    await abortPrefill(session, [...prompt.slice(0, 20), 70], blocks); // goes back to 16, then stops
    const next = [...prompt.slice(0, 14), 80]; // 14 lies in the chunk before 16
    expect(await run(session, next, 8)).toEqual(await fresh(next, 8, options));
  });

  it('starts from nothing after a failed step, and works again', async () => {
    const options = { chunk: 8, runAhead: 3 };
    const runner = new FakeRunner(options);
    const session = new Session(runner);
    await session.prefill([1, 2, 3], samplingAt);
    runner.failNext = new Error('boom');
    await expect(async () => {
      for await (const _ of session.decode(10, samplingAt)) void _;
    }).rejects.toThrow('boom');
    expect(session.length).toBe(0);
    expect(await run(session, [1, 2, 3, 4], 5)).toEqual(await fresh([1, 2, 3, 4], 5, options));
  });

  it('stops submitting when the signal fires, and throws its reason', async () => {
    const runner = new FakeRunner({ chunk: 64, runAhead: 3 });
    const session = new Session(runner);
    const controller = new AbortController();
    await session.prefill([1, 2], samplingAt);
    const seen: number[] = [];
    const generate = async () => {
      for await (const { position } of session.decode(30, samplingAt, controller.signal)) {
        seen.push(position);
        if (seen.length === 4) controller.abort();
      }
    };
    await expect(generate()).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    expect(seen).toEqual([3, 4, 5, 6]);
    expect(runner.steps.length).toBe(6); // 4 confirmed and 2 in flight when the signal fired
    expect(session.length).toBe(8);
  });
});

async function abortPrefill(session: Session, prompt: number[], blocks: number): Promise<void> {
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
