import { describe, expect, it } from 'vitest';
import { OutriderError } from '../../../../src/errors.ts';
import { exportJson, exportMarkdown, fileName, importJson } from '../../../../src/pages/chat/conversations/exchange.ts';
import type { Conversation } from '../../../../src/pages/chat/conversations/store.ts';

const stats = { promptTokens: 9, cachedTokens: 0, completionTokens: 4, tokensPerSecond: 2.5, secondsToFirstToken: 0.5 };
const conversation: Conversation = {
  head: {
    id: 'c',
    title: 'A “story”',
    createdAt: 1,
    updatedAt: 9,
    chosen: new Map([
      ['', 'q1'],
      ['q1', 'a2'],
    ]),
  },
  messages: [
    { id: 'a2', parent: 'q1', role: 'assistant', text: 'Twice', outcome: 'stopped', createdAt: 3 },
    { id: 'q1', parent: null, role: 'user', text: 'Tell me\n# one', createdAt: 1 },
    { id: 'a1', parent: 'q1', role: 'assistant', text: 'Once', outcome: 'complete', stats, createdAt: 2 },
    { id: 'q2', parent: 'a1', role: 'user', text: 'More', createdAt: 4 },
  ],
};

const withParts: Conversation = {
  head: { id: 'd', title: 'Tools', createdAt: 1, updatedAt: 9, chosen: new Map() },
  messages: [
    { id: 'q1', parent: null, role: 'user', text: 'Weather?', createdAt: 1 },
    {
      id: 'a1',
      parent: 'q1',
      role: 'assistant',
      text: '',
      outcome: 'complete',
      createdAt: 2,
      calls: [{ id: 'x', name: 'get_weather', arguments: '{"city":"Oslo"}' }],
      tokens: [{ text: 'é', logprob: -0.5, top: [{ text: 'e', logprob: -0.25 }] }],
      routes: {
        layers: [
          { layer: 0, attention: 'chunked', rope: true },
          { layer: 3, attention: 'global', rope: false },
        ],
        numExperts: 256,
        start: 7,
        texts: ['a', 'b'],
        experts: Uint8Array.of(0, 255, 128, 1),
      },
      remote: { origin: 'https://gpu.example', model: 'scout', superseded: 3 },
    },
    { id: 't1', parent: 'a1', role: 'tool', text: '', results: ['12 °C'], createdAt: 3 },
    { id: 'a2', parent: 't1', role: 'assistant', text: '{}', outcome: 'complete', format: 'json', createdAt: 4 },
  ],
};

/** What `text` is refused for. */
function refusal(text: string): string {
  try {
    importJson(text);
  } catch (error) {
    expect(error).toBeInstanceOf(OutriderError);
    return String((error as OutriderError).details.path);
  }
  return 'accepted';
}

/** The export with another value at one place. */
function exportWith(path: string, value: unknown, exported = conversation): string {
  const file = JSON.parse(exportJson([exported]));
  const names = path.split(/[.[\]]+/).filter(Boolean);
  const last = names.pop()!;
  names.reduce((at, name) => at[name], file)[last] = value;
  return JSON.stringify(file);
}

describe('conversations as JSON', () => {
  it('come back the same, branches and all, under new ids', () => {
    let count = 0;
    const [back] = importJson(exportJson([conversation]), () => `new${++count}`);
    const text = (id: string | null) => back!.messages.find((message) => message.id === id)?.text ?? null;
    expect(back!.head).toMatchObject({ title: 'A “story”', createdAt: 1, updatedAt: 9 });
    expect(back!.messages.map(({ id: _, parent, ...rest }) => ({ ...rest, parent: text(parent) }))).toEqual(
      expect.arrayContaining(
        conversation.messages.map(({ id: _, parent, ...rest }) => ({
          ...rest,
          parent: conversation.messages.find((message) => message.id === parent)?.text ?? null,
        })),
      ),
    );
    expect([...back!.head.chosen].map((pair) => pair.map(text))).toEqual([
      [null, 'Tell me\n# one'],
      ['Tell me\n# one', 'Twice'],
    ]);
    const ids = [back!.head.id, ...back!.messages.map(({ id }) => id)];
    expect(new Set(ids).size).toBe(5);
    expect(ids.every((id) => id.startsWith('new'))).toBe(true);
  });

  it.each<[path: string, value: unknown]>([
    ['format', undefined],
    ['version', 2],
    ['conversations', {}],
    ['conversations[0]', null],
    ['conversations[0].title', 7],
    ['conversations[0].createdAt', 1e300],
    ['conversations[0].chosen', { elsewhere: 'q1' }],
    ['conversations[0].messages[1].parent', 'q2'],
    ['conversations[0].messages[1].id', 'q1'],
    ['conversations[0].messages[1].role', 'system'],
    ['conversations[0].messages[1].text', ['x']],
    ['conversations[0].messages[1].outcome', 'fine'],
    ['conversations[0].messages[2].stats.promptTokens', -1],
  ])('are refused as a whole where %s is not as it must be, and the error names it', (path, value) => {
    expect(refusal(exportWith(path, value))).toBe(path);
  });

  it('hold calls, results, probabilities and routes, byte by byte', () => {
    const [back] = importJson(exportJson([withParts]));
    const plain = ({ messages }: Conversation) => messages.map(({ id: _, parent: __, ...rest }) => rest);
    expect(plain(back!)).toEqual(plain(withParts));
  });

  it.each<[path: string, value: unknown]>([
    ['conversations[0].messages[1].calls[0].arguments', '{'],
    ['conversations[0].messages[1].tokens[0].logprob', 0.5],
    ['conversations[0].messages[1].tokens[0].top[0].text', null],
    ['conversations[0].messages[1].routes.experts', 'AP8='],
    ['conversations[0].messages[1].routes.numExperts', 257],
    ['conversations[0].messages[1].routes.layers[0].attention', 'local'],
    ['conversations[0].messages[1].remote.origin', 1],
    ['conversations[0].messages[2].results', []],
    ['conversations[0].messages[2].results[0]', {}],
    ['conversations[0].messages[2].role', 'assistant'],
    ['conversations[0].messages[3].role', 'tool'],
    ['conversations[0].messages[3].format', 'xml'],
  ])('are refused as a whole where %s of an answer is not as it must be', (path, value) => {
    expect(refusal(exportWith(path, value, withParts))).toBe(path);
  });

  it('are refused where the text is no JSON, or the JSON no file of ours', () => {
    expect(refusal('{"format"')).toBe('');
    expect(refusal('[]')).toBe('the file');
  });

  it('cannot reach the prototypes of what they become', () => {
    const text = exportJson([conversation]).replaceAll('"q1"', '"__proto__"');
    const [back] = importJson(text);
    expect(back!.head.chosen.size).toBe(2);
    expect(({} as { q1?: unknown }).q1).toBeUndefined();
  });
});

describe('a conversation as Markdown', () => {
  it('is the branch that is shown', () => {
    expect(exportMarkdown(conversation)).toBe('# A “story”\n\n## You\n\nTell me\n# one\n\n## Answer\n\nTwice\n');
  });

  it('has calls and what they returned as blocks', () => {
    expect(exportMarkdown(withParts)).toContain(
      '## Answer\n\n**Call of get_weather**\n\n~~~\n{"city":"Oslo"}\n~~~\n\n## Results\n\n**Result of get_weather**\n\n~~~\n12 °C\n~~~\n',
    );
  });

  it.each([
    ['Tell me: a/b\\c?', 'Tell-me-a-b-c.md'],
    ['../../etc', 'etc.md'],
    ['龍の話', '龍の話.md'],
    ['???', 'conversation.md'],
  ])('is saved under a name that every system allows: %s', (title, name) => {
    expect(fileName(title, 'md')).toBe(name);
  });
});
