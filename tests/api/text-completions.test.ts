/** OpenAI's older completions, models, and counting tokens. */
import { describe, expect, it } from 'vitest';
import { TEXT_PARAMETERS } from '../../src/api/request/support.ts';
import type { TextCompletionRequest } from '../../src/index.ts';
import { OutriderError } from '../../src/index.ts';
import { fakeApi, readAll } from './fake-api.ts';

const BEGIN = 256;
const base = { prompt: 'Once', temperature: 0, max_tokens: 8 };
const refusal = async (fields: object) => {
  const { engine } = await fakeApi();
  const failure = await engine.completions
    .create({ ...base, ...fields } as TextCompletionRequest)
    .catch((error) => error);
  expect(failure).toBeInstanceOf(OutriderError);
  return (failure as OutriderError).details;
};

describe('completions.create', () => {
  it('goes on with a text or with ids as they are, 16 tokens far, with its usage', async () => {
    const { engine } = await fakeApi();
    const answer = await engine.completions.create({ prompt: 'Once', temperature: 0 });
    expect(answer).toMatchObject({
      id: expect.stringMatching(/^cmpl-[0-9a-f]{24}$/),
      object: 'text_completion',
      model: 'bytes',
      choices: [{ index: 0, text: expect.stringMatching(/^[a-z]{16}$/), logprobs: null, finish_reason: 'length' }],
      usage: { prompt_tokens: 5, completion_tokens: 16, total_tokens: 21 },
    });
    const ids = [BEGIN, ...new TextEncoder().encode('Once')];
    const same = await engine.completions.create({ prompt: ids, temperature: 0 });
    expect(same.choices).toEqual(answer.choices);
    const nothing = await engine.completions.create({ prompt: null, temperature: 0 });
    expect(nothing.usage.prompt_tokens).toBe(1);
  });

  it('answers several prompts in order, n times each, with echoes, whole and streamed alike', async () => {
    const { engine } = await fakeApi();
    const request = { ...base, prompt: ['Once', 'Twice'], n: 2, temperature: 1, seed: 3, echo: true };
    const whole = await engine.completions.create(request);
    expect(whole.choices.map(({ index, text }) => [index, text.slice(0, -8)])).toEqual([
      [0, 'Once'],
      [1, 'Once'],
      [2, 'Twice'],
      [3, 'Twice'],
    ]);
    expect(new Set(whole.choices.map(({ text }) => text)).size).toBe(4);
    expect(whole.usage).toMatchObject({ prompt_tokens: 5 + 6, completion_tokens: 32, total_tokens: 43 });
    const options = { stream: true, stream_options: { include_usage: true } } as const;
    const chunks = await readAll(await engine.completions.create({ ...request, ...options }));
    for (const { index, text } of whole.choices) {
      const pieces = chunks.flatMap(({ choices }) => choices).filter((piece) => piece.index === index);
      expect(pieces.map((piece) => piece.text).join('')).toBe(text);
      expect(pieces.map((piece) => piece.finish_reason).filter(Boolean)).toEqual(['length']);
    }
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 43 } });
    const single = await engine.completions.create({ ...request, prompt: 'Twice' });
    expect(single.choices.map(({ text }) => text)).toEqual(whole.choices.slice(2).map(({ text }) => text));
  });

  it('gives log-probabilities with the place of every token in the text', async () => {
    const { engine } = await fakeApi({ say: 'a🐉é!' });
    const { choices } = await engine.completions.create({ ...base, max_tokens: 9, logprobs: 2 });
    const { text, logprobs } = choices[0]!;
    expect(text).toBe('a🐉é!');
    expect(logprobs!.tokens.filter((token) => !token.startsWith('bytes:'))).toEqual(['a', '!']);
    expect(logprobs!.text_offset).toEqual([0, 1, 1, 1, 1, 3, 3, 4]);
    expect(logprobs!.token_logprobs).toHaveLength(8);
    for (const [index, top] of logprobs!.top_logprobs.entries()) {
      expect(Object.keys(top)).toHaveLength(2);
      expect(top[logprobs!.tokens[index]!]).toBe(logprobs!.token_logprobs[index]);
    }
  });

  it.each<[string, object]>([
    ['suffix', { suffix: 'end' }],
    ['best_of', { best_of: 2 }],
    ['echo', { echo: true, logprobs: 1 }],
    ['logprobs', { logprobs: 21 }],
    ['max_tokens', { max_tokens: 0 }],
    ['prompt', { prompt: [] }],
    ['prompt', { prompt: ['a', 5] }],
    ['prompt', { prompt: [1.5] }],
    ['prompt', { prompt: undefined }],
    ['model', { model: 'davinci-002' }],
    ['messages', { messages: [] }],
    ['tools', { tools: [] }],
  ])('refuses by name: %s in %j', async (param, fields) => {
    expect(await refusal(fields)).toMatchObject({ param });
  });

  it('knows every parameter of the official package', async () => {
    const refused = Object.entries(TEXT_PARAMETERS).flatMap(([key, support]) => (support === 'refused' ? [key] : []));
    expect(refused).toEqual(['best_of', 'suffix']);
  });
});

describe('the loaded model', () => {
  it('is listed and found by its id, and no other is', async () => {
    const { engine } = await fakeApi();
    const model = { id: 'bytes', object: 'model', created: expect.any(Number), owned_by: 'outrider' };
    expect(await engine.models.list()).toEqual({ object: 'list', data: [model] });
    expect(await engine.models.retrieve('bytes')).toEqual(model);
    await expect(engine.models.retrieve('other')).rejects.toMatchObject({
      code: 'invalid_request',
      details: { param: 'model', reason: 'model_not_found' },
    });
  });

  it('says how many tokens a text or a conversation has, and which', async () => {
    const { engine } = await fakeApi();
    const text = 'Hi <|end|> é';
    const ids = await engine.tokenize(text);
    expect(ids).toEqual([...new TextEncoder().encode(text)]);
    expect(await engine.detokenize(ids)).toBe(text);
    expect(await engine.detokenize([256, 72])).toBe('<|begin|>H');
    const messages = [{ role: 'user', content: 'Hi' }] as const;
    const { usage } = await engine.chat.completions.create({ messages, max_tokens: 1 });
    expect(await engine.countTokens(messages)).toBe(usage.prompt_tokens);
    expect(await engine.countTokens({ messages, tools: [] })).toBe(usage.prompt_tokens);
    await expect(engine.detokenize([-1])).rejects.toMatchObject({ details: { param: 'ids' } });
    await expect(engine.detokenize([5000])).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(engine.countTokens({ messages: [] })).rejects.toMatchObject({ details: { param: 'messages' } });
  });
});
