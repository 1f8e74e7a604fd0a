import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatCompletionChunk } from '../../../src/index.ts';
import { chancesOf, formatShare, surprise } from '../../../src/pages/chat/answer-views/chances.ts';
import { PartsGatherer } from '../../../src/pages/chat/answering.ts';
import type { RoutedLayer } from '../../../src/pages/chat/conversations/answer.ts';
import { RouteRecorder, tableOf } from '../../../src/pages/chat/experts/recorder.ts';
import type { TokenRoute } from '../../../src/pages/chat/experts/table.ts';
import { describeAnswer } from '../../../src/pages/chat/messages/facts.ts';

const chunk = (choice: object, more: object = {}) =>
  ({
    choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: null, ...choice }],
    ...more,
  }) as ChatCompletionChunk;

/** As the API sends a call: its name first, then its arguments. */
const callChunks = (index: number, id: string, name: string, args: string) => [
  chunk({ delta: { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] } }),
  chunk({ delta: { tool_calls: [{ index, function: { arguments: args } }] } }),
];

describe('the parts of an answer', () => {
  it('are gathered from its chunks: parallel calls, tokens with their alternatives, the server that computed it', () => {
    const parts = new PartsGatherer();
    const token = { token: 'a', bytes: [97], logprob: -0.5 };
    const logprobs = { content: [{ ...token, top_logprobs: [token] }], refusal: null };
    const remote = { origin: 'https://gpu.example', model: 'scout', reason: 'device_lost', answer: 'continued' };
    const news = [
      ...callChunks(0, 'x', 'get_weather', '{"city":"Oslo"}'),
      ...callChunks(1, 'y', 'add', '{"a":1}'),
      chunk({ delta: { content: 'a' }, logprobs }, { remote }),
    ].map((one) => parts.add(one));
    expect(news).toEqual([true, true, true, true, false]);
    expect(parts.finish()).toEqual({
      calls: [
        { id: 'x', name: 'get_weather', arguments: '{"city":"Oslo"}' },
        { id: 'y', name: 'add', arguments: '{"a":1}' },
      ],
      tokens: [{ text: 'a', logprob: -0.5, top: [{ text: 'a', logprob: -0.5 }] }],
      remote: { origin: 'https://gpu.example', model: 'scout' },
    });
  });

  it('hold no call that was cut off, and nothing where nothing came', () => {
    const parts = new PartsGatherer();
    expect(parts.finish()).toEqual({});
    for (const one of [...callChunks(0, 'x', 'add', '{"a":1}'), ...callChunks(1, 'y', 'add', '')]) parts.add(one);
    expect(parts.finish().calls?.map(({ id }) => id)).toEqual(['x']);
  });

  it('say where the answer was computed, if not here', () => {
    const answer = { id: 'a', parent: null, createdAt: 0, role: 'assistant', text: '', outcome: 'complete' } as const;
    expect(describeAnswer(answer)).toEqual([]);
    const remote = { origin: 'https://gpu.example', model: 'scout' };
    const fact = 'Computed by https://gpu.example (scout), not on this machine';
    expect(describeAnswer({ ...answer, remote })).toEqual([fact]);
    expect(describeAnswer({ ...answer, remote: { ...remote, superseded: 12 } })).toEqual([
      fact,
      'Begun anew there: the first 12 characters were written here',
    ]);
  });
});

describe('routes', () => {
  const layers: RoutedLayer[] = [
    { layer: 0, attention: 'chunked', rope: true },
    { layer: 3, attention: 'global', rope: false },
  ];
  const route = (position: number): TokenRoute => ({ position, text: `t${position}`, experts: [position % 4, 3] });

  it('come back from what is kept as they were shown while the answer was written', () => {
    fc.assert(
      fc.property(fc.nat(30), fc.integer({ min: 1, max: 40 }), fc.nat(40), (start, length, back) => {
        const recorder = new RouteRecorder(layers, 4);
        const positions = Array.from({ length }, (_, at) => start + at);
        const again = start + Math.min(back, length); // a token that is computed again drops those behind it
        for (const position of [...positions, again]) recorder.add(route(position));
        const routes = recorder.finish()!;
        const expected = [...positions.filter((position) => position < again), again];
        expect(routes.experts.length).toBe(expected.length * layers.length);
        const shown = tableOf(routes).lines.filter((line): line is TokenRoute => !('skipped' in line));
        expect(shown.map(({ experts, ...rest }) => ({ ...rest, experts: Array.from(experts) }))).toEqual(
          expected.map(route),
        );
      }),
    );
  });

  it('are not kept where there are none, or more experts than a byte can name', () => {
    expect(new RouteRecorder(layers, 4).finish()).toBeUndefined();
    for (const recorder of [new RouteRecorder(layers, 300), new RouteRecorder([], 0)]) {
      recorder.add(route(0));
      expect(recorder.finish()).toBeUndefined();
    }
  });
});

describe('probabilities', () => {
  const top = [0.6, 0.3].map((share, at) => ({ text: `t${at}`, logprob: Math.log(share) }));

  it('list what could have stood there, the chosen token at its place or at the end', () => {
    expect(chancesOf({ ...top[1]!, top }).map(({ share, isChosen }) => [share, isChosen])).toEqual([
      ['60.0 %', false],
      ['30.0 %', true],
    ]);
    const rare = { text: 'z', logprob: Math.log(0.0002) };
    expect(chancesOf({ ...rare, top }).at(-1)).toMatchObject({ text: 'z', share: '< 0.1 %', isChosen: true });
  });

  it.each([
    [1, '100 %', 0],
    [0.9996, '> 99.9 %', 0],
    [0.5, '50.0 %', 1],
    [0.2001, '20.0 %', 2],
    [0.06, '6.0 %', 3],
    [0.001, '0.1 %', 4],
    [0, '0 %', 4],
  ])('of %d are said as %s, and tint in step %d', (probability, share, step) => {
    expect([formatShare(probability), surprise(Math.log(probability))]).toEqual([share, step]);
  });
});
