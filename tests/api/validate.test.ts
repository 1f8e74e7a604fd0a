import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRequest } from '../../src/api/request/validate.ts';
import { OutriderError } from '../../src/errors.ts';

const messages = [{ role: 'user', content: 'Hi' }];
const parse = (fields: object) => parseRequest({ messages, ...fields }, 'scout');

describe('a request', () => {
  it('is read with every field it may have', () => {
    const parsed = parse({
      model: 'scout',
      max_completion_tokens: 9,
      temperature: 0,
      top_p: 0.5,
      top_k: 7,
      min_p: 0.1,
      repetition_penalty: 1.1,
      presence_penalty: -2,
      frequency_penalty: 2,
      logit_bias: { 0: -100, 200004: 1.5 },
      logprobs: true,
      top_logprobs: 20,
      n: 3,
      seed: -5,
      stop: ['a', 'b'],
      ignore_eos: true,
      truncation: 'truncate',
      user: 'ann',
      stream: true,
      stream_options: { include_usage: true, include_obfuscation: false },
    });
    expect(parsed).toEqual({
      generate: {
        prompt: { messages },
        sampling: { temperature: 0, topP: 0.5, topK: 7, minP: 0.1, repetitionPenalty: 1.1 },
        presencePenalty: -2,
        frequencyPenalty: 2,
        logitBias: [
          [0, -100],
          [200004, 1.5],
        ],
        logprobs: 20,
        choices: 3,
        seed: -5,
        maxTokens: 9,
        stops: ['a', 'b'],
        ignoreEnd: true,
        overflow: 'truncate',
        client: 'ann',
      },
      stream: true,
      includeUsage: true,
      toolUse: { parallel: true },
    });
  });

  it('may spell out null and what asks for nothing, as clients do', () => {
    const neutral = {
      logprobs: false,
      top_logprobs: 0,
      logit_bias: {},
      response_format: { type: 'text' },
      tools: [],
      tool_choice: 'none',
      store: false,
      service_tier: 'auto',
      modalities: ['text'],
      metadata: {},
      reasoning_effort: 'none',
    };
    const nothing = Object.fromEntries(
      ['user', 'stop', 'seed', 'max_tokens', 'unheard_of'].map((field) => [field, null]),
    );
    expect(parse({ ...neutral, ...nothing })).toEqual(parse({}));
  });

  it.each<[string, object]>([
    ['temperature', { temperature: 2.5 }],
    ['temperature', { temperature: '1' }],
    ['temperature', { temperature: Number.NaN }],
    ['top_p', { top_p: -0.1 }],
    ['top_k', { top_k: 1.5 }],
    ['min_p', { min_p: 2 }],
    ['seed', { seed: 2 ** 53 }],
    ['max_tokens', { max_tokens: 0 }],
    ['max_tokens', { max_tokens: 4, max_completion_tokens: 5 }],
    ['stop', { stop: '' }],
    ['stop', { stop: ['1', '2', '3', '4', '5'] }],
    ['stop', { stop: [1] }],
    ['stream', { stream: 1 }],
    ['stream_options', { stream_options: { include_usage: true } }],
    ['stream_options.include_usage', { stream: true, stream_options: { include_usage: 'yes' } }],
    ['stream_options.verbose', { stream: true, stream_options: { verbose: true } }],
    ['model', { model: 'gpt-4o' }],
    ['constructor', { constructor: 1 }],
    ['messages', { messages: [] }],
    ['messages', { messages: 'Hi' }],
  ])('is refused by the name of the field: %s in %j', (field, fields) => {
    const refuse = () => parse(fields);
    expect(refuse).toThrow(OutriderError);
    expect(refuse).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    expect(refuse).toThrow(expect.objectContaining({ details: expect.objectContaining({ param: field }) }));
  });

  it('never passes an unknown field, and fails with nothing but OutriderError, whatever it is given', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.dictionary(fc.string(), fc.anything())), (fields) => {
        for (const request of [fields, { messages, ...(fields as object) }, { messages: fields }]) {
          try {
            parseRequest(request, 'scout');
          } catch (error) {
            expect(error).toBeInstanceOf(OutriderError);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});
