import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { engineOver } from '../../src/api/engine.ts';
import { createTextEngine } from '../../src/engine/create.ts';
import { OutriderError } from '../../src/errors.ts';
import { receiveItems, sendItems, WINDOW } from '../../src/ports/stream.ts';
import { connectEngine } from '../../src/worker/client.ts';
import { fakeModel } from '../engine/fake-model.ts';
import { createRemoteEngine, fakeWorker, servedReader } from './fake-worker.ts';
import { type Watch, watchLeaks } from './watch.ts';

let ports: Watch;
beforeEach(() => {
  ports = watchLeaks();
});
afterEach(() => ports.restore());

const settle = () => new Promise((resolve) => setTimeout(resolve, 20));
const never = new AbortController().signal;
const request = { messages: [{ role: 'user', content: 'Hi' }], temperature: 0 } as const;

/** Counts as fast as it is let. */
async function* count(made: number[], fail?: Error): AsyncGenerator<number, void, undefined> {
  for (let item = 0; item < 100; item++) {
    if (item === 50 && fail) throw fail;
    made.push(item);
    yield item;
  }
}

describe('a stream through a port', () => {
  const open = (made: number[], options: { fail?: Error; signal?: AbortSignal } = {}) => {
    const { port1, port2 } = new MessageChannel();
    const sent = sendItems(port2, count(made, options.fail), new AbortController());
    return { items: receiveItems<number>(port1, options.signal ?? never, () => {}), sent };
  };

  it('is made only as far as it is read, and arrives whole and in order', async () => {
    const made: number[] = [];
    const { items, sent } = open(made);
    await settle();
    expect(made).toHaveLength(0);
    await items.next();
    await settle();
    expect(made).toHaveLength(WINDOW);
    const rest: number[] = [];
    for await (const item of items) {
      rest.push(item);
      expect(made.length - rest.length).toBeLessThanOrEqual(WINDOW + 1);
    }
    expect([0, ...rest]).toEqual(Array.from({ length: 100 }, (_, item) => item));
    await sent;
    await settle();
    expect(ports.openPorts()).toBe(0);
  });

  it('stops the sender when the reader leaves, and closes the port', async () => {
    const made: number[] = [];
    const { items, sent } = open(made);
    for await (const item of items) if (item === 3) break;
    await sent;
    await settle();
    expect(made.length).toBeLessThanOrEqual(WINDOW);
    expect(ports.openPorts()).toBe(0);
  });

  it('throws what the sender throws, after the items that came before', async () => {
    const fail = new OutriderError('device_lost', 'gone', { details: { reason: 'test' } });
    const { items } = open([], { fail });
    const seen: number[] = [];
    const read = async () => {
      for await (const item of items) seen.push(item);
    };
    const error = await read().catch((reason) => reason);
    expect(error).toBeInstanceOf(OutriderError);
    expect(error).toMatchObject({ code: 'device_lost', message: 'gone', details: { reason: 'test' } });
    expect(seen).toHaveLength(50);
    await settle();
    expect(ports.openPorts()).toBe(0);
  });

  it('ends with the reason of the signal at once', async () => {
    const controller = new AbortController();
    const { items, sent } = open([], { signal: controller.signal });
    await items.next();
    const waiting = items.next().then(() => items.next());
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(await items.next()).toEqual({ done: true, value: undefined });
    await sent;
    await settle();
    expect(ports.openPorts()).toBe(0);
  });
});

describe('an engine behind a worker', () => {
  it('closes every port: of answers, streams, aborts, refusals and subscriptions, and its own when unloaded', async () => {
    const engine = await createRemoteEngine(fakeModel());
    await settle();
    const idle = ports.openPorts();
    expect(idle).toBe(4); // both of the worker's own, its reader's, and this end of the engine's
    const controller = new AbortController();
    const off = engine.on('event', () => {});
    await engine.chat.completions.create({ ...request, max_tokens: 5 });
    for await (const _ of await engine.chat.completions.create({ ...request, max_tokens: 5, stream: true })) void _;
    for await (const _ of await engine.chat.completions.create({ ...request, stream: true })) break;
    const aborted = engine.chat.completions.create(request, { signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    await expect(engine.chat.completions.create({ ...request, nothing: 2 } as never)).rejects.toThrow('nothing');
    off();
    await settle();
    expect(ports.portsMade()).toBeGreaterThan(idle + 10);
    expect(ports.openPorts()).toBe(idle);
    await engine.unload();
    await settle();
    expect(ports.openPorts()).toBe(0);
  });

  it('fails with worker_failed when the worker dies, whatever runs, and later', async () => {
    const model = fakeModel();
    const fake = fakeWorker((reader, name, options) => createTextEngine(reader, name, options, model.load));
    let released = 0;
    const engine = engineOver(
      await connectEngine(fake.worker, { name: 'x', label: 'x' }, {}, () => released++, servedReader()),
    );
    const stream = await engine.chat.completions.create({ ...request, stream: true });
    await stream.next();
    const running = engine.chat.completions.create(request);
    fake.fail('out of memory');
    await expect(running).rejects.toMatchObject({
      code: 'worker_failed',
      message: expect.stringContaining('out of memory'),
    });
    await expect(
      (async () => {
        for await (const _ of stream) void _;
      })(),
    ).rejects.toMatchObject({ code: 'worker_failed' });
    await expect(engine.chat.completions.create(request)).rejects.toMatchObject({ code: 'worker_failed' });
    expect(released).toBe(1);
    fake.terminate();
  });

  it('rejects loading with the error of the worker, and lets the worker go', async () => {
    const refusal = new OutriderError('model_not_found', 'nothing there', {
      details: { source: 'x' },
      cause: new Error('404'),
    });
    const fake = fakeWorker(() => Promise.reject(refusal));
    let released = 0;
    const error = await connectEngine(
      fake.worker,
      { name: 'x', label: 'x' },
      {},
      () => released++,
      servedReader(),
    ).catch((reason) => reason);
    expect(error).toBeInstanceOf(OutriderError);
    expect(error).toMatchObject({ code: 'model_not_found', details: { source: 'x' }, cause: 'Error: 404' });
    expect(released).toBe(1);
    fake.terminate();
  });

  it('stops loading in the worker when the signal fires', async () => {
    const controller = new AbortController();
    let inWorker: AbortSignal | undefined;
    const fake = fakeWorker((_reader, _name, { signal }) => {
      inWorker = signal;
      return new Promise(() => {});
    });
    const loading = connectEngine(
      fake.worker,
      { name: 'x', label: 'x' },
      { signal: controller.signal },
      () => {},
      servedReader(),
    );
    await settle();
    controller.abort();
    await expect(loading).rejects.toMatchObject({ code: 'aborted' });
    await settle();
    expect(inWorker?.aborted).toBe(true);
    fake.terminate();
  });

  it('refuses a request that cannot be cloned', async () => {
    const engine = await createRemoteEngine(fakeModel());
    const hostile = { ...request, messages: [{ role: 'user', content: 'Hi', name: () => {} }] };
    await expect(engine.chat.completions.create(hostile as never)).rejects.toMatchObject({ code: 'invalid_request' });
    await engine.unload();
  });
});
