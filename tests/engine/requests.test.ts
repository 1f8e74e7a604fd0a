/** What a request may ask of the engine beyond a conversation and a temperature. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { EngineEvent } from '../../src/engine/events.ts';
import type { GenerateRequest, GenerationEvent, MaskSource, TextEngine } from '../../src/engine/request.ts';
import { OutriderError } from '../../src/errors.ts';
import type { Adjustment } from '../../src/model/runner.ts';
import { answerCalls } from '../../src/ports/calls.ts';
import { createFakeTextEngine, END, fakeModel, letters } from './fake-model.ts';
import type { FakeOptions } from './fake-runner.ts';

const NUM_TOKENS = 260;
const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const question = { prompt: { messages: [user('Hi')] }, sampling: { temperature: 0 }, maxTokens: 12 };
const code = (character: string) => character.charCodeAt(0);

async function engineWith(options: FakeOptions = {}) {
  const model = fakeModel({ vocabSize: NUM_TOKENS, ...options });
  return { engine: await createFakeTextEngine(model), runner: model.runner };
}

async function read(events: AsyncIterable<GenerationEvent>) {
  const list: GenerationEvent[] = [];
  for await (const event of events) list.push(event);
  const texts = list.filter((event) => event.type === 'text');
  const ends = list.filter((event) => event.type === 'end');
  const textOf = (choice: number) => texts.flatMap((event) => (event.choice === choice ? [event.text] : [])).join('');
  return { list, texts, ends, textOf, text: textOf(0), tokens: texts.flatMap(({ tokens }) => tokens ?? []) };
}

const refusal = (engine: TextEngine, request: GenerateRequest) =>
  read(engine.generate(request)).then(
    () => expect.fail('not refused'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(OutriderError);
      return error as OutriderError;
    },
  );

describe('log-probabilities', () => {
  it('come with the text that their ids complete, whatever a stop string holds back or cuts off', async () => {
    const alphabet = ['a', 'b', 'é', '🐉'];
    const stops = fc.array(fc.string({ unit: fc.constantFrom(...alphabet), minLength: 1, maxLength: 3 }), {
      maxLength: 3,
    });
    const said = fc.string({ unit: fc.constantFrom(...alphabet), minLength: 1, maxLength: 20 });
    const property = fc.asyncProperty(said, stops, fc.integer({ min: 1, max: 30 }), async (story, stops, maxTokens) => {
      const bytes = new TextEncoder().encode(story);
      let first = -1;
      const choose = (_: number, position: number) => {
        if (first < 0) first = position;
        return bytes[position - first] ?? END;
      };
      const { engine } = await engineWith({ choose });
      const answer = await read(engine.generate({ ...question, maxTokens, stops, logprobs: 2 }));
      for (const { text, tokens } of answer.texts) {
        const joined = Uint8Array.from(tokens!.flatMap(({ bytes }) => bytes));
        expect(new TextDecoder().decode(joined)).toBe(text);
      }
      expect(answer.tokens.every(({ top, logprob }) => top.length === 2 && logprob <= 0)).toBe(true);
      const plain = await (await engineWith({ choose })).engine.generate({ ...question, maxTokens, stops });
      expect((await read(plain)).text).toBe(answer.text);
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it('are those of the model itself, as natural logarithms with bytes and alternatives in falling order', async () => {
    const choose = (_: number, position: number) => (position % 4 === 3 ? END : code('e'));
    const { engine } = await engineWith({ choose });
    const { tokens, ends, list } = await read(engine.generate({ ...question, logprobs: 3 }));
    expect(tokens[0]).toMatchObject({ id: code('e'), text: 'e', bytes: [code('e')] });
    expect(tokens[0]!.top[0]).toEqual({ id: code('e'), text: 'e', bytes: [code('e')], logprob: tokens[0]!.logprob });
    const falling = tokens[0]!.top.map(({ logprob }) => logprob);
    expect(falling).toEqual([...falling].sort((a, b) => b - a));
    expect(ends[0]).toMatchObject({ finishReason: 'stop', tokens: [{ id: END, text: '<|end|>' }] });
    expect(list.at(-1)!.type).toBe('usage');
    const without = await read(engine.generate(question));
    expect(without.list.every((event) => !('tokens' in event))).toBe(true);
    const chosenOnly = await read(engine.generate({ ...question, logprobs: 0 }));
    expect(chosenOnly.tokens[0]!.top).toEqual([]);
  });
});

describe('penalties and biases', () => {
  it('never choose an id at -100, choose only among ids at 100, and count the answer alone', async () => {
    const { engine } = await engineWith({ choose: () => code('x') });
    expect((await read(engine.generate(question))).text).toBe('x'.repeat(12));
    const banned = await read(engine.generate({ ...question, logitBias: [[code('x'), -100]] }));
    expect(banned.text).not.toContain('x');
    const only = [code('p'), code('q')].map((id) => [id, 100] as const);
    expect((await read(engine.generate({ ...question, logitBias: only }))).text).toMatch(/^[pq]{12}$/);
    const penalized = await read(engine.generate({ ...question, presencePenalty: 2, frequencyPenalty: 2 }));
    const counts = new Map<number, number>();
    for (const { id } of (await read(engine.generate({ ...question, frequencyPenalty: 2, logprobs: 0 }))).tokens) {
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    expect(penalized.text).not.toBe('x'.repeat(12));
    expect(counts.size).toBeGreaterThan(3);
    expect((await read(engine.generate(question))).text).toBe('x'.repeat(12)); // nothing of it stays
  });

  it('reach the runner as they are meant, with the repetition penalty of generation_config.json below the request', async () => {
    const { engine, runner } = await engineWith();
    const seen: (Adjustment | undefined)[] = [];
    const adjust = runner.adjust.bind(runner);
    runner.adjust = (adjustment, prompt) => {
      seen.push(adjustment);
      adjust(adjustment, prompt);
    };
    await read(engine.generate({ ...question, logitBias: [[4, 0]] }));
    const logitBias: [number, number][] = [
      [5, -100],
      [6, 1.5],
    ];
    await read(engine.generate({ ...question, sampling: { repetitionPenalty: 1.25 }, logitBias }));
    const bias = [
      [5, Number.NEGATIVE_INFINITY],
      [6, 1.5],
    ];
    expect(seen).toEqual([undefined, { repetitionPenalty: 1.25, presencePenalty: 0, frequencyPenalty: 0, bias }]);
  });
});

describe('masks', () => {
  /** Allows what `next` says after the ids so far: a set of ids, or undefined at the end. */
  function serve(next: (ids: readonly number[]) => readonly number[] | undefined) {
    const { port1, port2 } = new MessageChannel();
    const log: (number | 'start')[] = [];
    let ids: number[] = [];
    const maskOf = (allowed: readonly number[]) => {
      const mask = new Uint32Array(Math.ceil(NUM_TOKENS / 32));
      for (const id of allowed) mask[id >>> 5]! |= 1 << (id & 31);
      return mask;
    };
    const following = () => {
      const allowed = next(ids);
      return allowed && maskOf(allowed);
    };
    const source: MaskSource = {
      start: async () => {
        log.push('start');
        ids = [];
        return following()!;
      },
      accept: async (id) => {
        log.push(id);
        ids.push(id);
        return following();
      },
    };
    answerCalls(port1, source);
    const closed = new Promise<void>((resolve) => port1.addEventListener('close', () => resolve()));
    return { masks: port2, log, closed, die: () => port1.close() };
  }
  const digits = [...'0123456789'].map(code);

  it('decide id by id, one step at a time, and their end is the end of the choice', async () => {
    const { engine, runner } = await engineWith({ runAhead: 4 });
    const events: EngineEvent[] = [];
    engine.on((event) => events.push(event));
    const { masks, log, closed } = serve((ids) => (ids.length === 5 ? undefined : digits));
    const { texts, ends, textOf } = await read(engine.generate({ ...question, choices: 2 }, { masks }));
    expect(textOf(0)).toMatch(/^\d{5}$/);
    expect(textOf(1)).toMatch(/^\d{5}$/);
    expect(texts).toHaveLength(10);
    expect(ends.map(({ finishReason }) => finishReason)).toEqual(['stop', 'stop']);
    expect(log.map((entry) => (entry === 'start' ? entry : 'id')).join(' ')).toBe(
      'start id id id id id start id id id id id',
    );
    expect(runner.steps).toHaveLength(8); // no step was run ahead of the masks
    expect(events).toContainEqual({ type: 'constrained', depth: 1 });
    await closed;
  });

  it('end with the ids that end an answer, with the limit, and join with biases', async () => {
    const { engine } = await engineWith();
    const ended = serve((ids) => (ids.length < 3 ? digits : [END]));
    const first = await read(engine.generate(question, { masks: ended.masks }));
    expect(first).toMatchObject({ text: expect.stringMatching(/^\d{3}$/), ends: [{ finishReason: 'stop' }] });
    const cut = await read(engine.generate({ ...question, maxTokens: 2 }, { masks: serve(() => digits).masks }));
    expect(cut.ends[0]!.finishReason).toBe('length');
    const logitBias: [number, number][] = [
      [code('7'), 100],
      [code('x'), 100],
    ];
    const joined = await read(engine.generate({ ...question, logitBias }, { masks: serve(() => digits).masks }));
    expect(joined.text).toBe('7'.repeat(12));
    const none = serve(() => [code('y')]);
    await expect(read(engine.generate({ ...question, logitBias }, { masks: none.masks }))).rejects.toMatchObject({
      code: 'invalid_request',
    });
    await none.closed;
  });

  it('let go of their port when the request is aborted or its source fails, and the next request is undisturbed', async () => {
    const { engine } = await engineWith();
    const controller = new AbortController();
    const slow = serve((ids) => {
      if (ids.length === 2) controller.abort();
      return digits;
    });
    const aborted = read(engine.generate(question, { masks: slow.masks, signal: controller.signal }));
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    await slow.closed;
    const failing = serve((ids) => {
      if (ids.length === 1) throw new OutriderError('invalid_request', 'no such grammar');
      return digits;
    });
    await expect(read(engine.generate(question, { masks: failing.masks }))).rejects.toThrow('no such grammar');
    await failing.closed;
    const dying: ReturnType<typeof serve> = serve((ids) => {
      if (ids.length === 2) dying.die();
      return digits;
    });
    await expect(read(engine.generate(question, { masks: dying.masks }))).rejects.toMatchObject({
      code: 'worker_failed',
    });
    const unread = serve(() => digits);
    await engine.generate(question, { masks: unread.masks }).return!();
    await unread.closed;
    expect((await read(engine.generate(question))).text).toBe(
      (await read((await engineWith()).engine.generate(question))).text,
    );
  });

  it('are waited for only so long, and whoever comes next gets its turn', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { engine } = await engineWith();
      const { port2: silent } = new MessageChannel();
      const held = read(engine.generate(question, { masks: silent }));
      const next = read(engine.generate(question));
      const failed = expect(held).rejects.toMatchObject({ code: 'worker_failed' });
      while (vi.getTimerCount() === 0) await new Promise(setImmediate);
      await vi.advanceTimersByTimeAsync(30_000);
      await failed;
      expect((await next).text).not.toBe('');
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('choices', () => {
  it('each have their own randomness, read the prompt once, and are the same whatever the run-ahead', async () => {
    const { engine, runner } = await engineWith();
    const request = { ...question, sampling: { temperature: 1 }, seed: 5, choices: 3 };
    const { textOf, ends, list } = await read(engine.generate(request));
    expect(ends.map(({ choice }) => choice)).toEqual([0, 1, 2]);
    const texts = [0, 1, 2].map(textOf);
    expect(new Set(texts).size).toBe(3);
    expect(runner.prefills.slice(1).map(([start, end]) => end - start)).toEqual([1, 1]);
    expect(list.at(-1)).toMatchObject({
      usage: { completion_tokens: 36, prompt_tokens_details: { cached_tokens: 0 } },
    });
    const other = await read((await engineWith({ runAhead: 1 })).engine.generate(request));
    expect([0, 1, 2].map(other.textOf)).toEqual(texts);
    const single = await read((await engineWith()).engine.generate({ ...request, choices: 1 }));
    expect(single.text).toBe(texts[0]);
  });
});

describe('prompts', () => {
  it('may be text or ids, which say the same, and are checked', async () => {
    const { engine } = await engineWith();
    const { ids, text } = await engine.encode({ text: 'Once <|end|>' });
    expect(text).toBe('<|begin|>Once <|end|>');
    expect(ids).toEqual([256, ...new TextEncoder().encode('Once <|end|>')]);
    const fromText = await read(engine.generate({ ...question, prompt: { text: 'Once <|end|>' } }));
    const fromIds = await read(engine.generate({ ...question, prompt: { ids } }));
    expect(fromIds.text).toBe(fromText.text);
    for (const ids of [[], [1, 260], [-1], [1.5]]) {
      expect(await refusal(engine, { ...question, prompt: { ids } })).toMatchObject({ code: 'invalid_request' });
      await expect(engine.encode({ ids })).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });

  it('go on after an answer so far as if it had never stopped, and remember it', async () => {
    const { engine, runner } = await engineWith();
    const whole = (await read(engine.generate(question))).text;
    const { messages } = question.prompt;
    const rest = await read(
      engine.generate({ ...question, prompt: { messages, answer: whole.slice(0, 5) }, maxTokens: 7 }),
    );
    expect(rest.text).toBe(whole.slice(5));
    const next = [...messages, assistant(whole), user('And?')];
    await read(engine.generate({ ...question, prompt: { messages: next } }));
    expect(runner.prefills.at(-1)![0]).toBeGreaterThanOrEqual((await engine.encode(question.prompt)).ids.length + 11);
  });

  it('end where the context does, and only there where end tokens are ignored', async () => {
    const choose = (hash: number, position: number) => (position % 10 === 0 ? END : letters(hash));
    const { engine } = await engineWith({ choose, contextLength: 64 });
    const { ends, list } = await read(engine.generate({ ...question, maxTokens: undefined, ignoreEnd: true }));
    expect(ends[0]!.finishReason).toBe('length');
    expect(list.at(-1)).toMatchObject({ usage: { total_tokens: 64 } });
  });
});

describe('a conversation that is too long', () => {
  const conversation = [
    { role: 'system', content: 'Be brief.' },
    assistant('Welcome!'),
    ...[1, 2, 3, 4].flatMap((turn) => [
      user(`Question ${turn}`),
      assistant('x'.repeat(60)),
      { role: 'tool', content: 'r' },
    ]),
    user('Last question'),
  ];
  const lengthOf = async (engine: TextEngine, messages: readonly object[]) =>
    (await engine.encode({ messages: messages as never })).ids.length;

  it('is refused with how many tokens are too many, or loses its oldest turns and says so', async () => {
    const { engine } = await engineWith({ contextLength: 300 });
    const tokens = await lengthOf(engine, conversation);
    const error = await refusal(engine, { ...question, prompt: { messages: conversation } });
    expect(error).toMatchObject({
      code: 'context_overflow',
      details: { promptTokens: tokens, contextLength: 300, excessTokens: tokens - 299 },
    });
    expect(error.message).toContain(`${tokens - 299} too many`);

    const events: EngineEvent[] = [];
    engine.on((event) => events.push(event));
    const short = { prompt: { messages: conversation }, sampling: {}, overflow: 'truncate' as const };
    const { list } = await read(engine.generate(short));
    const kept = [conversation[0]!, ...conversation.slice(-4)];
    const promptTokens = await lengthOf(engine, kept);
    expect(promptTokens).toBeLessThanOrEqual(300 - 75);
    expect(await lengthOf(engine, [conversation[0]!, ...conversation.slice(-7)])).toBeGreaterThan(300 - 75);
    expect(events).toContainEqual({ type: 'truncated', messages: conversation.length - kept.length, promptTokens });
    const usage = list.at(-1);
    expect(usage).toMatchObject({ type: 'usage', usage: { prompt_tokens: promptTokens } });
    expect(events.at(-1)).toEqual({ ...usage, type: 'stats' });
    await read(engine.generate({ ...short, maxTokens: 10 })); // needs less room, so it keeps more
    expect(events.findLast(({ type }) => type === 'truncated')).toMatchObject({ messages: 7 });
  });

  it('finds most of its keys and values again while it goes on, though its beginning is left out', async () => {
    const { engine } = await engineWith({ contextLength: 480, chunk: Number.POSITIVE_INFINITY });
    const messages = [{ role: 'system', content: 'Be brief.' }];
    const shares: number[] = [];
    for (let turn = 0; turn < 32; turn++) {
      messages.push(user(`${turn}?`));
      const { list, text } = await read(
        engine.generate({ ...question, prompt: { messages }, overflow: 'truncate', maxTokens: 8 }),
      );
      const { usage } = list.at(-1) as Extract<GenerationEvent, { type: 'usage' }>;
      if (turn > 0) shares.push(usage.prompt_tokens_details.cached_tokens / usage.prompt_tokens);
      messages.push(assistant(text));
    }
    expect(shares.filter((share) => share > 0.5).length).toBeGreaterThan(18);
    expect(shares.filter((share) => share < 0.5).length).toBeGreaterThan(2); // it was left out more than once
  });

  it('is refused all the same where the newest turn alone is too long, or what is too long has no turns', async () => {
    const { engine } = await engineWith({ contextLength: 100 });
    const messages = [...conversation, user('y'.repeat(200))];
    expect(await refusal(engine, { ...question, prompt: { messages }, overflow: 'truncate' })).toMatchObject({
      code: 'context_overflow',
      message: expect.stringContaining('after 14 older messages were left out'),
    });
    expect(await refusal(engine, { ...question, prompt: { text: 'a' }, overflow: 'truncate' })).toMatchObject({
      code: 'invalid_request',
    });
  });
});

it('refuses fields out of their range by name', async () => {
  const { engine } = await engineWith();
  const wrong: [string, Partial<GenerateRequest>][] = [
    ['choices', { choices: 0 }],
    ['maxTokens', { maxTokens: 0.5 }],
    ['logprobs', { logprobs: 21 }],
    ['presencePenalty', { presencePenalty: 3 }],
    ['frequencyPenalty', { frequencyPenalty: Number.NaN }],
    ['repetitionPenalty', { sampling: { repetitionPenalty: 0 } }],
    ['stops', { stops: [''] }],
    ['logitBias', { logitBias: [[NUM_TOKENS, 1]] }],
    ['logitBias', { logitBias: [[1, 101]] }],
    ['logitBias', { logitBias: [1, 2].map((bias) => [1, bias] as const) }],
  ];
  for (const [field, fields] of wrong) {
    const error = await refusal(engine, { ...question, ...fields });
    expect(error.code).toBe('invalid_request');
    expect(error.message).toContain(field);
  }
});
