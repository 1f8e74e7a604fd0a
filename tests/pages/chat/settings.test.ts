import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { redact } from '../../../src/pages/chat/diagnostics.ts';
import { describeCount } from '../../../src/pages/chat/messages/counter.ts';
import { readSettings, requestFields } from '../../../src/pages/chat/settings/settings.ts';

describe('the settings', () => {
  const items = new Map<string, string>();
  beforeEach(() => {
    vi.stubGlobal('window', { localStorage: { getItem: (key: string) => items.get(key) ?? null } });
  });
  afterEach(() => vi.unstubAllGlobals());

  it('become request fields in OpenAI’s words, absent ones none', () => {
    items.set(
      'outrider.settings',
      '{"temperature":0,"topP":0.9,"topK":40,"minP":0.1,"presencePenalty":-1,"frequencyPenalty":2,"repetitionPenalty":1.1,"seed":7,"maxTokens":9,"overflow":"truncate","systemPrompt":"Be brief."}',
    );
    expect(requestFields(readSettings())).toEqual({
      temperature: 0,
      top_p: 0.9,
      top_k: 40,
      min_p: 0.1,
      presence_penalty: -1,
      frequency_penalty: 2,
      repetition_penalty: 1.1,
      seed: 7,
      max_tokens: 9,
      truncation: 'truncate',
    });
    items.clear();
    expect(requestFields(readSettings())).toEqual({});
  });

  it('say what answers may be: tools, JSON instead of them, probabilities', () => {
    const tools = [{ type: 'function', function: { name: 'get_time' } }];
    const stored = { tools: JSON.stringify(tools), schema: '{"type":"object"}', probabilities: true };
    const fields = (more: object) => {
      items.set('outrider.settings', JSON.stringify({ ...stored, ...more }));
      return requestFields(readSettings());
    };
    const probabilities = { logprobs: true, top_logprobs: 5 };
    expect(fields({})).toEqual({ tools, ...probabilities });
    expect(fields({ format: 'json_object' })).toEqual({ response_format: { type: 'json_object' }, ...probabilities });
    expect(fields({ format: 'json_schema' })).toEqual({
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: { type: 'object' } } },
      ...probabilities,
    });
    items.clear();
  });

  it('of another version, or out of range, count as absent', () => {
    items.set(
      'outrider.settings',
      '{"temperature":3,"topK":1.5,"seed":"7","overflow":"shift","systemPrompt":4,"minP":0.5}',
    );
    expect(readSettings()).toEqual({ minP: 0.5 });
    items.set('outrider.settings', '{"tools":"{}","schema":"[]","format":"xml","probabilities":"yes"}');
    expect(readSettings()).toEqual({});
    items.set('outrider.settings', 'nonsense');
    expect(readSettings()).toEqual({});
  });
});

describe('the context meter', () => {
  it.each([
    [{ draft: 0, total: 340, room: 8192 }, '340 of 8,192', 'room'],
    [{ draft: 1, total: 341, room: 8192 }, '1 token · 341 of 8,192', 'room'],
    [{ draft: 12, total: 8000, room: 8192 }, '12 tokens · 8,000 of 8,192', 'nearly-full'],
    [{ draft: 5000, total: 9192, room: 8192 }, '5,000 tokens · 1,000 too many', 'over'],
  ])('says of %j: %s', (count, words, state) => {
    expect(describeCount(count)).toMatchObject({ words, state, share: Math.min(1, count.total / count.room) });
  });
});

describe('diagnostics', () => {
  it('hold no text of a conversation, not even where an error quotes it', () => {
    const said = 'My secret is "blue"\nand it is a long one, longer than anything that an error would quote in full';
    const error = `invalid_request: found ${JSON.stringify(said)}, or ${said.slice(0, 50)}…, or yes`;
    expect(redact(error, [said, 'yes'])).toBe(
      `invalid_request: found "[text]", or [text]${said.slice(40, 50)}…, or yes`,
    );
  });
});
