/** Going back in time on the GPU: within 8 tokens of a chunk boundary, from both sides, everything equals a fresh run. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Session } from '../../src/engine/session.ts';
import { openNodeGpu } from '../../src/gpu/node.ts';
import { SourceReader } from '../../src/loader/loader.ts';
import { type LoadedModel, loadModel } from '../../src/model/load.ts';
import { sourceOfTiny, tinyFiles } from '../model/tiny-model.ts';

const CHUNK = 8;
const greedy = () => ({ temperature: 0, topP: 1, topK: 0, minP: 0, random: 0 });
const PROMPT = [1, 20, 33];
const BOUNDARY = 3 * CHUNK;

let model: LoadedModel;
beforeAll(async () => {
  const { gpu } = await openNodeGpu();
  const layers = { attention_chunk_size: CHUNK, num_hidden_layers: 4, no_rope_layers: [1, 1, 1, 0] };
  model = await loadModel(new SourceReader(sourceOfTiny(tinyFiles(layers, 'F32'))), { gpu, contextLength: 64 });
});
afterAll(() => model?.destroy());

/** Ids after `prompt`; stops by itself after `take`. */
async function generate(session: Session, prompt: readonly number[], take: number): Promise<number[]> {
  const { sampled } = await session.prefill(prompt, greedy);
  const ids = [sampled.id];
  if (take === 1) return ids;
  for await (const { id } of session.decode(40 - prompt.length, greedy)) {
    if (ids.push(id) === take) break;
  }
  return ids;
}

const known = new Map<string, Promise<number[]>>();
/** A session that knows nothing processes everything again from position 0, as a fresh engine does. */
function fresh(prompt: readonly number[], take: number): Promise<number[]> {
  const key = `${prompt}:${take}`;
  const ids = known.get(key) ?? generate(new Session(model), prompt, take);
  known.set(key, ids);
  return ids;
}

describe('a session on the GPU', () => {
  it('takes up a prompt as it would token by token, whatever block it is cut into', async () => {
    const ids = await fresh(PROMPT, 34);
    expect(new Set(ids).size).toBeGreaterThan(5); // a text that can differ
    for (let length = BOUNDARY - 8; length <= BOUNDARY + 8; length++) {
      const prompt = [...PROMPT, ...ids].slice(0, length);
      expect(await fresh(prompt, 4)).toEqual(ids.slice(length - PROMPT.length, length - PROMPT.length + 4));
    }
  });

  it.each(Array.from({ length: 17 }, (_, index) => BOUNDARY - 8 + index))(
    'continues, regenerates and edits like a fresh run when stopped at position %i',
    async (stop) => {
      const ids = (await fresh(PROMPT, 34)).slice(0, stop - PROMPT.length);
      const timeline = [...PROMPT, ...ids];
      const edits = [
        [...timeline.slice(0, BOUNDARY - 2), 50, 51],
        [...timeline.slice(0, -1), 60],
      ];
      const prompts = [timeline, PROMPT, ...edits];
      const expected: number[][] = [];
      for (const prompt of prompts) expected.push(await fresh(prompt, 6)); // all before the session: one model, one timeline
      const session = new Session(model);
      expect(await generate(session, PROMPT, ids.length)).toEqual(ids);
      for (const [index, prompt] of prompts.entries()) {
        expect(await generate(session, prompt, 6)).toEqual(expected[index]);
      }
    },
  );

  it('keeps what a prompt that was stopped halfway had already given', async () => {
    const long = Array.from({ length: 40 }, (_, position) => (position * 37) % 90);
    const other = [...long.slice(0, 4), ...long.slice(5)];
    const next = [...other.slice(0, 14), 70];
    const expected = await fresh(next, 6);
    const session = new Session(model);
    await session.prefill(long, greedy);
    const controller = new AbortController();
    const stopped = session.prefill(other, greedy, {
      signal: controller.signal,
      onProgress: (processed) => processed >= 16 && controller.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
    expect(session.length).toBe(16);
    expect(await generate(session, next, 6)).toEqual(expected);
  });
});
