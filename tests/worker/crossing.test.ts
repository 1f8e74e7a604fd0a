/** What an engine throws and tells crosses the worker's boundary as what it was: every code, every event, on every way. */
import { afterEach, describe, expect, it } from 'vitest';
import type { EngineEvent, EngineListener } from '../../src/engine/events.ts';
import type { ModelFacts } from '../../src/engine/facts.ts';
import type { GenerationEvent, TextEngine, Vocabulary } from '../../src/engine/request.ts';
import type { EngineStats, Usage } from '../../src/engine/stats.ts';
import { type ErrorCode, OutriderError } from '../../src/errors.ts';
import { connectEngine } from '../../src/worker/client.ts';
import { type FakeWorker, fakeWorker, servedReader } from './fake-worker.ts';

/** The compiler says when one is missing. */
const CODES = Object.keys({
  webgpu_unavailable: true,
  device_lost: true,
  gpu_out_of_memory: true,
  gpu_validation: true,
  gpu_incorrect: true,
  model_not_found: true,
  model_too_large: true,
  config_unsupported: true,
  quantization_unsupported: true,
  checkpoint_invalid: true,
  tensor_missing: true,
  tensor_mismatch: true,
  tokenizer_invalid: true,
  template_error: true,
  network_error: true,
  range_unsupported: true,
  access_denied: true,
  source_changed: true,
  checksum_mismatch: true,
  storage_full: true,
  storage_failed: true,
  model_in_use: true,
  context_overflow: true,
  invalid_request: true,
  output_exists: true,
  engine_unloaded: true,
  worker_failed: true,
  aborted: true,
} satisfies Record<ErrorCode, true>) as ErrorCode[];

const errorOf = (code: ErrorCode) =>
  new OutriderError(code, `about ${code}`, {
    cause: new TypeError('the reason'),
    details: { bytes: 3, name: 'x', found: null, list: [1, 'two'], on: true },
  });

/** One of each type of event; the compiler says when one is missing. */
const EVENTS: readonly EngineEvent[] = Object.values({
  routing: { type: 'routing', id: 7, position: 3, experts: [1, 0, 15], text: 'é' },
  prefill: { type: 'prefill', processed: 512, total: 700 },
  downgrade: { type: 'downgrade', message: 'slower' },
  truncated: { type: 'truncated', messages: 4, promptTokens: 900 },
  constrained: { type: 'constrained', depth: 1 },
  stats: { type: 'stats', usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } as Usage },
  remote: { type: 'remote', origin: 'https://gpu.example', model: 'm', reason: 'device_lost', answer: 'whole' },
  device_lost: { type: 'device_lost', error: errorOf('device_lost') },
} satisfies { [Type in EngineEvent['type']]: Extract<EngineEvent, { type: Type }> });

const vocabulary: Vocabulary = {
  bytes: ['a', '', 'ünd', '', 'b'].map((text) => new TextEncoder().encode(text)),
  endIds: [1, 3],
};

let worker: FakeWorker;
afterEach(() => worker.terminate());

/** An engine that throws `error` wherever it can, behind a worker. */
async function engineThatThrows(error: Error): Promise<TextEngine> {
  const fail = () => Promise.reject(error);
  return remote({
    async *generate() {
      yield { type: 'text', choice: 0, text: 'so far' } satisfies GenerationEvent;
      throw error;
    },
    ...{ encode: fail, decode: fail, vocabulary: fail, interrupt: fail, stats: fail },
  });
}

async function remote(engine: Partial<TextEngine>): Promise<TextEngine> {
  worker = fakeWorker(async () => ({ model: {} as ModelFacts, ...engine }) as TextEngine);
  return connectEngine(worker.worker, { name: 'x', label: 'x' }, {}, () => {}, servedReader());
}

function expectSame(back: unknown, error: OutriderError): void {
  expect(back).toBeInstanceOf(OutriderError);
  const { code, message, details, stack } = error;
  expect(back).toMatchObject({ name: 'OutriderError', code, message, details, stack });
  expect((back as OutriderError).cause).toBe('TypeError: the reason');
}

describe.each(CODES)('%s', (code) => {
  const error = errorOf(code);
  const thrown = (promise: Promise<unknown>) =>
    promise.then(
      () => expect.fail('nothing was thrown'),
      (reason) => reason,
    );

  it('crosses from loading, from calls, from the middle of a stream, and in an event', async () => {
    worker = fakeWorker(() => Promise.reject(error));
    expectSame(
      await thrown(connectEngine(worker.worker, { name: 'x', label: 'x' }, {}, () => {}, servedReader())),
      error,
    );
    worker.terminate();

    const engine = await engineThatThrows(error);
    const calls = [
      engine.stats(),
      engine.encode({ text: '' }),
      engine.decode([1]),
      engine.vocabulary(),
      engine.interrupt(),
    ];
    for (const call of calls) expectSame(await thrown(call), error);
    const texts: string[] = [];
    const reading = (async () => {
      for await (const event of engine.generate({ prompt: { text: '' }, sampling: {} }))
        if (event.type === 'text') texts.push(event.text);
    })();
    expectSame(await thrown(reading), error);
    expect(texts).toEqual(['so far']);
    worker.terminate();

    const listened = await remote({
      on: (listener) => {
        listener({ type: 'device_lost', error });
        return () => {};
      },
    });
    const event = await new Promise<EngineEvent>((resolve) => listened.on(resolve));
    expectSame((event as { error: unknown }).error, error);
  });
});

describe('what is told', () => {
  it('arrives as every type of event, in order, and ends with the subscription', async () => {
    let listener: EngineListener = () => {};
    let isOff = false;
    const engine = await remote({
      on: (given) => {
        listener = given;
        for (const event of EVENTS) listener(event);
        return () => (isOff = true);
      },
    });
    const heard: EngineEvent[] = [];
    const off = await new Promise<() => void>((resolve) => {
      const end = engine.on((event) => {
        heard.push(event);
        if (heard.length === EVENTS.length) resolve(() => end());
      });
    });
    expect(heard.map(({ type }) => type)).toEqual(EVENTS.map(({ type }) => type));
    const plain = (events: readonly EngineEvent[]) => events.filter(({ type }) => type !== 'device_lost');
    expect(plain(heard)).toEqual(plain(EVENTS));
    off();
    await expect.poll(() => isOff).toBe(true);
  });

  it('is a vocabulary of views of one buffer, and statistics as they are', async () => {
    const stats = { position: 3, variants: { matvec: { seconds: { a: 1e-9 } } } } as unknown as EngineStats;
    const engine = await remote({ vocabulary: async () => vocabulary, stats: async () => stats });
    const back = await engine.vocabulary();
    expect(back).toEqual(vocabulary);
    expect(new Set(back.bytes.map(({ buffer }) => buffer)).size).toBe(1);
    expect(await engine.stats()).toEqual(stats);
  });

  it.each([
    ['an abort’s reason', new DOMException('enough', 'AbortError'), { name: 'AbortError', message: 'enough' }],
    ['a foreign error', new RangeError('out'), { name: 'RangeError', message: 'out' }],
    [
      'one with a cause that cannot be cloned',
      new Error('why', { cause: () => {} }),
      { message: expect.stringContaining('why') },
    ],
  ])('is %s as an Error', async (_what, error, expected) => {
    const back = await (await engineThatThrows(error)).stats().catch((reason) => reason);
    expect(back).toBeInstanceOf(Error);
    expect(back).toMatchObject(expected);
  });
});
