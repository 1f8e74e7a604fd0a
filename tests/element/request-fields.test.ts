import { describe, expect, it } from 'vitest';
import { toMarkdown } from '../../src/element/exports.ts';
import { samplingFields } from '../../src/element/request-fields.ts';
import { englishStrings } from '../../src/element/strings.ts';

const none = { temperature: undefined, topP: undefined, maxTokens: undefined, seed: undefined };

describe('the fields of a request', () => {
  it('come from attributes, and from `sampling` above them; what nobody said is left to the engine', () => {
    expect(samplingFields({ ...none, temperature: 0, maxTokens: 9 }, { max_tokens: 5, top_k: 3 })).toEqual({
      temperature: 0,
      max_tokens: 5,
      top_k: 3,
    });
  });

  it('are refused by name where the element has them for itself, or where an attribute is no number', () => {
    expect(() => samplingFields(none, { messages: [] })).toThrow('sampling.messages cannot be set');
    expect(() => samplingFields(none, { n: 2 })).toThrow('sampling.n cannot be set');
    expect(() => samplingFields({ ...none, topP: Number.NaN }, {})).toThrow('The attribute top-p is not a number');
  });
});

it('a conversation as Markdown fences what tools were told and returned, whatever they contain', () => {
  const call = { id: 'c', type: 'function', function: { name: 'add', arguments: '{"a":1}' } } as const;
  const text = toMarkdown(
    [
      { role: 'user', content: 'Add' },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c', content: 'a ```fence``` of three' },
    ],
    englishStrings,
  );
  expect(text).toBe(
    '## You\n\nAdd\n\n## Answer\n\nCalled add\n\n```\n{"a":1}\n```\n\n## Result of add\n\n````\na ```fence``` of three\n````\n',
  );
});
