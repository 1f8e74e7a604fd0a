import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainRequest } from '../../src/api/request/plain.ts';
import { parseRequest } from '../../src/api/request/validate.ts';
import { fakeApi } from './fake-api.ts';

const messages = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: '' },
  { role: 'user', content: 'Who?' },
];
const odd = fc.oneof(fc.anything(), fc.constantFrom(undefined, null, true, false, [], {}, 'user'));
const oddMessage = fc.record({
  role: fc.constantFrom('user', 'tool', 'developer', 'assistant'),
  content: odd,
  name: odd,
});

describe('a plain request', () => {
  it('is read without what reads others, as they read it', () => {
    for (const request of [
      { messages, stream: true },
      { messages, stream: true, stream_options: { include_usage: true } },
    ]) {
      expect(plainRequest(request)).toEqual(parseRequest(request, 'scout'));
    }
  });

  it('is a copy: whoever asked may go on with the messages', () => {
    const [message] = (plainRequest({ messages, stream: true })!.generate.prompt as { messages: object[] }).messages;
    expect(message).toEqual(messages[0]);
    expect(message).not.toBe(messages[0]);
  });

  it('is nothing that would be read as something else, or refused', () => {
    const request = fc.record(
      {
        messages: fc.oneof(odd, fc.array(oddMessage, { maxLength: 3 }), fc.constant(messages)),
        stream: odd,
        stream_options: fc.oneof(odd, fc.dictionary(fc.constantFrom('include_usage', 'x'), odd)),
        tools: odd,
        seed: odd,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(request, odd), (asked) => {
        const plain = plainRequest(asked);
        if (plain) expect(plain).toEqual(parseRequest(asked, 'scout'));
      }),
      { numRuns: 2000 },
    );
  });

  it('waits for nothing; one that waits for its reader can be interrupted', async () => {
    const { engine } = await fakeApi();
    const answer = engine.chat.completions.create({ messages: [{ role: 'user', content: 'Hi' }], seed: 1 });
    const refused = expect(answer).rejects.toMatchObject({ name: 'AbortError' });
    await engine.interruptGenerate();
    await refused;
  });
});
