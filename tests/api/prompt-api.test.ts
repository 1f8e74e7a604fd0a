/** `LanguageModel` over the fake engine: what the specification says of messages, context, constraints, aborts and tools. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Engine } from '../../src/api/engine.ts';
import { createLanguageModel, type LanguageModelCreateOptions } from '../../src/api/prompt-api.ts';
import type { ChatCompletionRequest } from '../../src/api/types.ts';
import { OutriderError } from '../../src/errors.ts';
import { createFakeEngine, END, fakeModel, letters } from '../engine/fake-model.ts';
import type { FakeOptions } from '../engine/fake-runner.ts';

afterEach(() => vi.restoreAllMocks());

/** Answers have `length` letters, and ten times as many to what is called long. */
async function loaded(length = 8, options: FakeOptions = {}) {
  let left = 0;
  const choose = (hash: number) => (left-- > 0 ? letters(hash) : END);
  const model = fakeModel({ choose, ...options });
  const engine = await createFakeEngine(model);
  const create = engine.chat.completions.create.bind(engine.chat.completions);
  const asked: ChatCompletionRequest[] = [];
  const spied = async (request: ChatCompletionRequest, given?: object) => {
    asked.push(request);
    left = String(request.messages.at(-1)!.content).includes('long') ? 10 * length : length;
    return create(request, given);
  };
  const api: Engine = { ...engine, chat: { completions: { create: spied as typeof create } } };
  return { engine: api, runner: model.runner, asked, LanguageModel: createLanguageModel(api) };
}

const session = async (options: LanguageModelCreateOptions = {}) => {
  const parts = await loaded();
  return { ...parts, session: await parts.LanguageModel.create({ samplingMode: 'most-predictable', ...options }) };
};
const sent = (request: ChatCompletionRequest | undefined) =>
  request!.messages.map(({ role, content }) => [role, content]);
const textOf = async (stream: ReadableStream<string>) => {
  let text = '';
  for await (const piece of stream) text += piece;
  return text;
};
const named = (name: string) => expect.objectContaining({ name });

describe('a session', () => {
  it('remembers initial prompts, prompts and answers, and counts what they take', async () => {
    const {
      session: model,
      asked,
      engine,
    } = await session({ initialPrompts: [{ role: 'system', content: 'Be brief.' }] });
    expect(model).toBeInstanceOf(EventTarget);
    expect(model.contextWindow).toBe(512);
    expect(model.contextUsage).toBe(await engine.countTokens({ messages: [{ role: 'system', content: 'Be brief.' }] }));
    const first = await model.prompt('One');
    expect(first).toMatch(/^[a-z]{8}$/);
    const before = model.contextUsage;
    const added = await model.measureContextUsage('Two');
    const second = await model.prompt([
      {
        role: 'user',
        content: [
          { type: 'text', value: 'T' },
          { type: 'text', value: 'wo' },
        ],
      },
    ]);
    expect(sent(asked[1])).toEqual([
      ['system', 'Be brief.'],
      ['user', 'One'],
      ['assistant', first],
      ['user', 'Two'],
    ]);
    expect(added).toBeGreaterThan('Two'.length);
    expect(model.contextUsage - before).toBeGreaterThanOrEqual(added + second.length - 20);
    expect(model.contextUsage - before).toBeLessThanOrEqual(added + second.length + 20);
  });

  it('streams the same answer in pieces', async () => {
    const { session: model } = await session();
    const { session: other } = await session();
    let text = '';
    let pieces = 0;
    for await (const piece of model.promptStreaming('One')) {
      text += piece;
      pieces++;
    }
    expect(pieces).toBeGreaterThan(3);
    expect(text).toBe(await other.prompt('One'));
  });

  it('goes on where nobody reads a stream', async () => {
    const { session: model, asked } = await session();
    model.promptStreaming('One');
    await model.prompt('Two');
    expect(sent(asked[1])).toEqual([
      ['user', 'One'],
      ['assistant', expect.stringMatching(/^[a-z]{8}$/)],
      ['user', 'Two'],
    ]);
  });

  it('takes messages without answering, and goes on after a prefix', async () => {
    const { session: model, asked } = await session();
    await model.append([{ role: 'user', content: 'Note this.' }]);
    expect(asked).toEqual([]);
    expect(model.contextUsage).toBeGreaterThan(0);
    const rest = await model.prompt([
      { role: 'user', content: 'A poem.' },
      { role: 'assistant', content: 'Roses', prefix: true },
    ]);
    expect(asked[0]).toMatchObject({ continue_final_message: true });
    await model.prompt('More.');
    expect(sent(asked[1])).toEqual([
      ['user', 'Note this.'],
      ['user', 'A poem.'],
      ['assistant', `Roses${rest}`],
      ['user', 'More.'],
    ]);
  });

  it('answers calls one after another, in their order', async () => {
    const { session: model, asked } = await session();
    const [one, , three] = await Promise.all([
      model.prompt('1'),
      model.append('2'),
      textOf(model.promptStreaming('3')),
      model.prompt('4'),
    ]);
    expect(sent(asked[2]).at(-1)).toEqual(['user', '4']);
    expect(sent(asked[1])).toEqual([
      ['user', '1'],
      ['assistant', one],
      ['user', '2'],
      ['user', '3'],
    ]);
    expect(three).toHaveLength(8);
  });

  it('is cloned with all it remembers, and both go on by themselves', async () => {
    const {
      session: model,
      asked,
      LanguageModel,
    } = await session({ initialPrompts: [{ role: 'system', content: 'S' }] });
    const answer = await model.prompt('One');
    const clone = await model.clone();
    expect(clone).toBeInstanceOf(LanguageModel);
    expect([clone.contextUsage, clone.samplingMode]).toEqual([model.contextUsage, 'most-predictable']);
    await model.prompt('A');
    model.destroy();
    await clone.prompt('B');
    expect(sent(asked[2])).toEqual([
      ['system', 'S'],
      ['user', 'One'],
      ['assistant', answer],
      ['user', 'B'],
    ]);
    await expect(model.clone()).rejects.toEqual(named('AbortError'));
  });

  it.each<[string, Parameters<Awaited<ReturnType<typeof session>>['session']['prompt']>[0], string]>([
    ['a late system prompt', [{ role: 'system', content: 'S' }], 'TypeError'],
    ['a prefix of the user', [{ role: 'user', content: 'U', prefix: true }], 'SyntaxError'],
    [
      'a prefix before the end',
      [
        { role: 'assistant', content: 'A', prefix: true },
        { role: 'user', content: 'U' },
      ],
      'SyntaxError',
    ],
    ['an image', [{ role: 'user', content: [{ type: 'image', value: new Uint8Array(4) }] }], 'NotSupportedError'],
    ['a text that is none', [{ role: 'user', content: [{ type: 'text', value: 7 }] }], 'TypeError'],
    ['an unknown role', [{ role: 'tool' as 'user', content: 'T' }], 'TypeError'],
    ['too much', 'x'.repeat(600), 'QuotaExceededError'],
  ])('refuses %s and stays as it was', async (_, input, name) => {
    const { session: model, asked } = await session();
    await model.prompt('One');
    const usage = model.contextUsage;
    await expect(model.prompt(input)).rejects.toEqual(named(name));
    const reader = model.promptStreaming(input).getReader();
    await expect(reader.read()).rejects.toEqual(named(name));
    await expect(model.append(input)).rejects.toEqual(named(name));
    expect([model.contextUsage, asked.length]).toEqual([usage, 1]);
  });
});

describe('the context window', () => {
  it('loses the oldest prompts with their answers, never the initial ones, and says so', async () => {
    const { session: model, asked } = await session({ initialPrompts: [{ role: 'system', content: 'S' }] });
    const overflows = vi.fn();
    model.addEventListener('contextoverflow', overflows);
    model.oncontextoverflow = overflows;
    await model.prompt(`first ${'x'.repeat(150)}`);
    await model.prompt(`second ${'x'.repeat(150)}`);
    expect(overflows).not.toHaveBeenCalled();
    await model.prompt(`third ${'x'.repeat(150)}`);
    expect(overflows).toHaveBeenCalledTimes(2);
    expect(asked[2]!.messages.map(({ role, content }) => `${role} ${String(content).slice(0, 5)}`)).toEqual([
      'system S',
      'user secon',
      expect.stringMatching(/^assistant /),
      'user third',
    ]);
  });

  it('that is too small for the initial prompts or a prompt is a QuotaExceededError with both numbers, and nothing is lost', async () => {
    const { LanguageModel, session: model, asked } = await session();
    const tooLong = 'x'.repeat(600);
    const quota = { name: 'QuotaExceededError', quota: 512, requested: expect.any(Number) };
    await expect(LanguageModel.create({ initialPrompts: [{ role: 'user', content: tooLong }] })).rejects.toMatchObject(
      quota,
    );
    await model.prompt('One');
    const error = await model.prompt(tooLong).catch((reason) => reason);
    expect(error).toMatchObject(quota);
    expect(error.requested).toBeGreaterThan(600);
    expect(error).toBeInstanceOf(DOMException);
    await model.prompt('Two');
    expect(asked.at(-1)!.messages).toHaveLength(3);
  });
});

describe('aborting', () => {
  it('a prompt rejects with the reason, and takes prompt and answer out of the session', async () => {
    const { session: model, asked } = await session();
    await model.prompt('One');
    const usage = model.contextUsage;
    const reason = new Error('enough');
    const stop = new AbortController();
    const running = model.prompt('Two, long', { signal: stop.signal });
    const waiting = model.prompt('Three', { signal: stop.signal });
    await vi.waitUntil(() => asked.length === 2, { interval: 1 });
    stop.abort(reason);
    await expect(running).rejects.toBe(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(model.append('x', { signal: stop.signal })).rejects.toBe(reason);
    await expect(model.measureContextUsage('x', { signal: stop.signal })).rejects.toBe(reason);
    await expect(model.clone({ signal: stop.signal })).rejects.toBe(reason);
    expect(model.contextUsage).toBe(usage);
    await model.prompt('Four');
    expect(sent(asked.at(-1)).map(([, content]) => content)).toEqual(['One', expect.any(String), 'Four']);
  });

  it('a stream by cancelling stops the generation', async () => {
    const { LanguageModel, runner } = await loaded(400);
    const model = await LanguageModel.create();
    const reader = model.promptStreaming('One').getReader();
    await reader.read();
    await reader.cancel();
    await expect.poll(() => runner.steps.length).toBeLessThan(100);
    expect(model.contextUsage).toBe(0);
    expect(await model.measureContextUsage('One')).toBeGreaterThan(0);
  });

  it('the creation rejects it; after it, the session is destroyed', async () => {
    const { LanguageModel } = await loaded();
    const reason = new Error('enough');
    await expect(LanguageModel.create({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const stop = new AbortController();
    const model = await LanguageModel.create({ signal: stop.signal });
    const running = model.prompt('One');
    stop.abort(reason);
    await expect(running).rejects.toBe(reason);
    await expect(model.prompt('Two')).rejects.toBe(reason);
  });

  it('everything by destroying rejects with an AbortError', async () => {
    const { session: model } = await session();
    const running = model.prompt('One');
    const reader = model.promptStreaming('Two').getReader();
    model.destroy();
    model.destroy();
    await expect(running).rejects.toEqual(named('AbortError'));
    await expect(reader.read()).rejects.toEqual(named('AbortError'));
    await expect(model.append('Three')).rejects.toEqual(named('AbortError'));
    await expect(model.measureContextUsage('Three')).rejects.toEqual(named('AbortError'));
  });
});

describe('a response constraint', () => {
  it('becomes a response format, and is told to the model unless that is not wanted', async () => {
    const { session: model, asked } = await session();
    const schema = { type: 'object', properties: { rating: { type: 'number' } } };
    for (const omitResponseConstraintInput of [false, true]) {
      const told = await model.measureContextUsage('Rate', { responseConstraint: schema, omitResponseConstraintInput });
      expect(told > 60).toBe(!omitResponseConstraintInput);
      await model.prompt('Rate', { responseConstraint: schema, omitResponseConstraintInput }).catch(() => {});
      expect(asked.at(-1)).toMatchObject({
        response_format: { type: 'json_schema', json_schema: { name: 'response', schema } },
      });
      const { content } = asked.at(-1)!.messages.at(-1)!;
      expect(content).toBe(
        omitResponseConstraintInput
          ? 'Rate'
          : `Rate\n\nAnswer with JSON that conforms to this JSON schema: ${JSON.stringify(schema)}`,
      );
    }
    await model.prompt('Rate', { responseConstraint: /^(yes|no)$/ }).catch(() => {});
    expect(asked.at(-1)).toMatchObject({
      response_format: { type: 'grammar', grammar: expect.stringContaining('root ::=') },
    });
  });

  it('is met or not by an answer that the context ends', async () => {
    const { engine } = await loaded(100);
    const create = (request: ChatCompletionRequest) =>
      engine.chat.completions.create({ ...request, response_format: undefined } as ChatCompletionRequest);
    const free = { ...engine, chat: { completions: { create: create as typeof engine.chat.completions.create } } };
    const model = await createLanguageModel(free).create({ samplingMode: 'most-predictable' });
    const cut = { name: 'SyntaxError', message: expect.stringContaining('context ended') };
    await expect(model.prompt('long', { responseConstraint: /^[a-z]{3}$/ })).rejects.toMatchObject(cut);
    await expect(model.prompt('long', { responseConstraint: {} })).rejects.toMatchObject(cut);
    expect(await model.prompt('long', { responseConstraint: /[a-z]{3}/g })).toMatch(/^[a-z]{100,}$/);
  });

  it.each([
    ['the flag i', { responseConstraint: /yes/i }, 'NotSupportedError'],
    ['a back reference', { responseConstraint: /(a)\1/ }, 'NotSupportedError'],
    ['a string', { responseConstraint: 'json' as unknown as object }, 'TypeError'],
    ['omission of nothing', { omitResponseConstraintInput: true }, 'TypeError'],
  ])('%s is refused', async (_, options, name) => {
    const { session: model, asked } = await session();
    await expect(model.prompt('Rate', options)).rejects.toEqual(named(name));
    await expect(model.measureContextUsage('Rate', options)).rejects.toEqual(named(name));
    expect(asked).toEqual([]);
  });
});

describe('tools', () => {
  const call = '[add(a=1, b=2), add(a=3, b=4)]';
  const add = {
    name: 'add',
    description: 'Adds.',
    inputSchema: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } } },
    execute: vi.fn(async ({ a, b }: { a: number; b: number }) => String(a + b)),
  };

  it('are called, all of a round at once, and their results go back before the answer', async () => {
    const scripts = [call, 'Three and seven.'];
    let text = '';
    let at = 0;
    const choose = () => new TextEncoder().encode(text)[at++] ?? END;
    const engine = await createFakeEngine(fakeModel({ choose }));
    const create = engine.chat.completions.create.bind(engine.chat.completions);
    const asked: ChatCompletionRequest[] = [];
    const scripted = (request: ChatCompletionRequest, given?: object) => {
      asked.push(request);
      [text, at] = [scripts.shift()!, 0];
      return create(request, given);
    };
    const LanguageModel = createLanguageModel({
      ...engine,
      chat: { completions: { create: scripted as typeof create } },
    });
    const model = await LanguageModel.create({ tools: [add], expectedInputs: [{ type: 'tool-response' }] });
    expect(await model.prompt('1 + 2 and 3 + 4?')).toBe('Three and seven.');
    expect(add.execute.mock.calls).toEqual([[{ a: 1, b: 2 }], [{ a: 3, b: 4 }]]);
    expect(asked[1]!.messages.slice(1)).toMatchObject([
      { role: 'assistant', tool_calls: [{ function: { name: 'add' } }, { function: { arguments: '{"a":3,"b":4}' } }] },
      { role: 'tool', content: '3' },
      { role: 'tool', content: '7' },
    ]);
    const failing = { ...add, execute: () => Promise.reject(new Error('no sum today')) };
    scripts.push(call);
    const other = await LanguageModel.create({ tools: [failing] });
    await expect(other.prompt('1 + 2?')).rejects.toThrow('no sum today');
    expect(other.contextUsage).toBe(0);
  });
});

describe('creation', () => {
  it('loads once for all who wait, reports from 0 to 1, and says how available the model is', async () => {
    const { engine } = await loaded();
    let finish = () => {};
    const load = vi.fn(
      async ({
        onProgress,
      }: Parameters<
        Parameters<typeof createLanguageModel>[0] extends infer S ? Extract<S, { load: unknown }>['load'] : never
      >[0]) => {
        onProgress({ progress: 0.5 } as Parameters<typeof onProgress>[0]);
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        return engine;
      },
    );
    const LanguageModel = createLanguageModel({ load });
    expect(await LanguageModel.availability()).toBe('downloadable');
    expect(await LanguageModel.params()).toBe(null);
    const seen: number[] = [];
    const creating = [
      LanguageModel.create({
        monitor: (m) =>
          m.addEventListener('downloadprogress', (event) => seen.push((event as unknown as { loaded: number }).loaded)),
      }),
      LanguageModel.create(),
    ];
    expect(await LanguageModel.availability()).toBe('downloading');
    finish();
    await Promise.all(creating);
    expect(load).toHaveBeenCalledTimes(1);
    expect([seen[0], seen.at(-1)]).toEqual([0, 1]);
    expect(await LanguageModel.availability({ expectedInputs: [{ type: 'text', languages: ['en', 'pt-BR'] }] })).toBe(
      'available',
    );
    expect(await LanguageModel.availability({ expectedInputs: [{ type: 'image' }] })).toBe('unavailable');
    expect(await LanguageModel.params()).toMatchObject({ defaultTemperature: 0.6, maxTemperature: 2 });
  });

  it('gives loading up when the last who waits does, and tries again for the next', async () => {
    const { engine } = await loaded();
    const signals: AbortSignal[] = [];
    const LanguageModel = createLanguageModel({
      load: ({ signal }) => {
        signals.push(signal);
        return signals.length > 1 ? Promise.resolve(engine) : new Promise(() => {});
      },
    });
    const [one, two] = [new AbortController(), new AbortController()];
    const first = LanguageModel.create({ signal: one.signal });
    const second = LanguageModel.create({ signal: two.signal });
    one.abort();
    await expect(first).rejects.toEqual(named('AbortError'));
    expect(signals[0]!.aborted).toBe(false);
    two.abort();
    await expect(second).rejects.toEqual(named('AbortError'));
    expect(signals[0]!.aborted).toBe(true);
    expect((await LanguageModel.create()).contextWindow).toBe(512);
  });

  it.each([
    ['model_not_found', 'OperationError'],
    ['webgpu_unavailable', 'NotSupportedError'],
  ] as const)(
    'that fails with %s is a DOMException %s with its cause, and the next tries again',
    async (code, name) => {
      const cause = new OutriderError(code, 'No.');
      const load = vi.fn(() => Promise.reject(cause));
      const LanguageModel = createLanguageModel({ load });
      await expect(LanguageModel.create()).rejects.toMatchObject({ name, cause });
      await expect(LanguageModel.create()).rejects.toBeInstanceOf(DOMException);
      expect(load).toHaveBeenCalledTimes(2);
    },
  );

  it.each<[object, string]>([
    [{ samplingMode: 'wild' }, 'TypeError'],
    [{ samplingMode: 'creative', topK: 3 }, 'TypeError'],
    [{ temperature: -1 }, 'RangeError'],
    [{ topK: 0 }, 'RangeError'],
    [{ expectedInputs: [{ type: 'text', languages: ['no_language'] }] }, 'RangeError'],
    [{ expectedInputs: [{ type: 'audio' }] }, 'NotSupportedError'],
    [{ expectedOutputs: [{ type: 'image' }] }, 'NotSupportedError'],
    [
      {
        initialPrompts: [
          { role: 'user', content: 'U' },
          { role: 'system', content: 'S' },
        ],
      },
      'TypeError',
    ],
    [{ initialPrompts: [{ role: 'assistant', content: 'A', prefix: true }] }, 'SyntaxError'],
    [{ tools: [{ name: 'add', description: '', inputSchema: {} }] }, 'TypeError'],
  ])('with %j is refused', async (options, name) => {
    const { LanguageModel } = await loaded();
    await expect(LanguageModel.create(options)).rejects.toEqual(named(name));
  });

  it('samples as asked, and cannot be had by construction', async () => {
    const { LanguageModel, asked } = await loaded();
    const creative = await LanguageModel.create({ temperature: 5, topK: 3.7 });
    await creative.prompt('One');
    expect(asked[0]).toMatchObject({ temperature: 2, top_k: 3 });
    await (await LanguageModel.create()).prompt('One');
    expect(asked[1]).toMatchObject({ temperature: undefined, top_k: undefined });
    expect(() => new (LanguageModel as unknown as new () => unknown)()).toThrow('Illegal constructor');
  });
});
