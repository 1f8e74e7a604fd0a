import { describe, expect, it } from 'vitest';
import { fromOpenAI } from '../../src/chat/openai.ts';

const call = (args: unknown) => ({ id: 'c', type: 'function', function: { name: 'f', arguments: args } });
const assistant = (fields: object) => [{ role: 'assistant', ...fields }];

describe("OpenAI's messages", () => {
  it('become what a template reads', () => {
    expect(
      fromOpenAI([
        { role: 'developer', content: 'Rules' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
          name: 'ann',
        },
        { role: 'assistant', content: null, tool_calls: [call('{"x": [1]}'), call('[1]'), call('{"x'), call('')] },
        { role: 'tool', tool_call_id: 'c', content: '18 °C' },
        { role: 'assistant', content: 'kept', tool_calls: [] },
      ]),
    ).toEqual([
      { role: 'system', content: 'Rules' },
      { role: 'user', content: 'ab', name: 'ann' },
      { role: 'assistant', content: '', tool_calls: [call({ x: [1] }), call('[1]'), call('{"x'), call('')] },
      { role: 'tool', tool_call_id: 'c', content: '18 °C' },
      { role: 'assistant', content: 'kept' },
    ]);
  });

  it('have results in the order of their calls, which is all that the template tells', () => {
    const result = (id: string | undefined, content: string) => ({ role: 'tool', tool_call_id: id, content });
    const calls = (...ids: string[]) => ({ role: 'assistant', tool_calls: ids.map((id) => ({ ...call('{}'), id })) });
    const contents = fromOpenAI([
      calls('a', 'b', 'c'),
      result('c', '1'),
      result(undefined, '2'),
      result('a', '3'),
      result('b', '4'),
      calls('c', 'a'),
      result('a', '5'),
      result('c', '6'),
    ]).map(({ content }) => content);
    expect(contents).toEqual(['', '3', '4', '1', '2', '', '6', '5']);
  });

  it.each<[string, unknown]>([
    ['messages[0].audio', assistant({ audio: { id: 'a' } })],
    ['messages[0].function_call', assistant({ content: null, function_call: { name: 'f', arguments: '' } })],
    ['messages', undefined],
    ['messages', []],
    ['messages[0]', ['hello']],
    ['messages[0].role', [{ content: 'x' }]],
    ['messages[0].role', [{ role: 'narrator', content: 'x' }]],
    ['messages[0].content', [{ role: 'user' }]],
    ['messages[0].content', assistant({ content: null })],
    [
      'messages[0].content[1]',
      [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'x' },
            { type: 'image_url', image_url: { url: 'data:' } },
          ],
        },
      ],
    ],
    ['messages[0].content[0]', [{ role: 'user', content: [{ type: 'text', text: 5 }] }]],
    ['messages[0].tool_calls', assistant({ content: '', tool_calls: 'f()' })],
    ['messages[0].tool_calls', [{ role: 'user', content: '', tool_calls: [call('{}')] }]],
    ['messages[0].tool_calls[0].function', assistant({ tool_calls: [{ id: 'c' }] })],
    ['messages[0].tool_calls[0].function.arguments', assistant({ tool_calls: [call(5)] })],
  ])('with a wrong %s are refused by its name', (param, messages) => {
    expect(() => fromOpenAI(messages)).toThrow(
      expect.objectContaining({ code: 'invalid_request', details: { param } }),
    );
  });
});
