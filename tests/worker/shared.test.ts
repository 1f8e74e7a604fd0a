/** Several tabs of one SharedWorker, over the fake model: who loads, who reads, who waits, and what is left of those who went. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTextEngine } from '../../src/engine/create.ts';
import type { LoadProgress } from '../../src/engine/progress.ts';
import type { GenerateRequest, TextEngine } from '../../src/engine/request.ts';
import { OutriderError } from '../../src/errors.ts';
import { openReader } from '../../src/loader/host.ts';
import { byteSource, type FakeModel, fakeModel, readerOf } from '../engine/fake-model.ts';
import { type FakeTab, fakeShared } from './fake-shared.ts';
import { type Watch, watchLeaks } from './watch.ts';

let watch: Watch;
beforeEach(() => {
  watch = watchLeaks();
});
afterEach(() => watch.restore());

const settle = () => new Promise((resolve) => setTimeout(resolve, 30));
const request: GenerateRequest = {
  prompt: { messages: [{ role: 'user', content: 'Hi' }] },
  sampling: { temperature: 0 },
  maxTokens: 40,
};

async function engineOf(tab: FakeTab, ...args: Parameters<FakeTab['join']>): Promise<TextEngine> {
  const joined = await tab.join(...args);
  if ('engine' in joined) return joined.engine;
  throw new Error(joined.missing);
}

async function textOf(engine: TextEngine, changes: Partial<GenerateRequest> = {}): Promise<string> {
  let text = '';
  for await (const event of engine.generate({ ...request, ...changes })) if (event.type === 'text') text += event.text;
  return text;
}

/** A model whose loading waits for `go`. */
function slowModel(): { model: FakeModel; go: () => void; started: Promise<void> } {
  const model = fakeModel();
  let go = () => {};
  let start = () => {};
  const gate = new Promise<void>((resolve) => (go = resolve));
  const started = new Promise<void>((resolve) => (start = resolve));
  const load: FakeModel['load'] = async (reader, options = {}) => {
    options.onProgress?.({ loaded: 40, total: 100, file: 'a' });
    start();
    await Promise.race([
      gate,
      new Promise((_, reject) => options.signal?.addEventListener('abort', () => reject(options.signal!.reason))),
    ]);
    return model.load(reader, options);
  };
  return { model: { ...model, load }, go, started };
}

describe('an engine that tabs share', () => {
  it('is loaded once, by the first tab’s reader, answers both, and is freed with the last tab', async () => {
    const model = fakeModel();
    const shared = fakeShared([model]);
    const tabs = [shared.openTab(), shared.openTab()];
    const engines = await Promise.all(tabs.map((tab) => engineOf(tab)));
    const texts = await Promise.all(engines.map((engine) => textOf(engine)));
    expect(texts[0]).toHaveLength(40);
    expect(texts[1]).toBe(texts[0]);
    expect([shared.loads, shared.readers]).toEqual([1, 1]);
    await engines[0]!.unload();
    await expect(textOf(engines[0]!)).rejects.toMatchObject({ code: 'engine_unloaded' });
    expect(model.runner.destroyed).toBe(false);
    expect(await textOf(engines[1]!)).toBe(texts[0]);
    await engines[1]!.unload();
    expect(model.runner.destroyed).toBe(true);
    for (const tab of tabs) tab.close();
    await expect.poll(() => watch.openPorts()).toBe(0);
    expect(shared.locks.held()).toHaveLength(1); // the worker's own
  });

  it('is another one for another model or other options, and is loaded anew after the last tab has left', async () => {
    const models = [fakeModel(), fakeModel(), fakeModel()];
    const shared = fakeShared(models);
    const tab = shared.openTab();
    const [one, other] = [await engineOf(tab), await engineOf(tab, {}, 'other')];
    await one.unload();
    expect(models.map(({ runner }) => runner.destroyed)).toEqual([true, false, false]);
    const again = await engineOf(tab);
    expect(shared.loads).toBe(3);
    await Promise.all([other.unload(), again.unload()]);
    expect(models.map(({ runner }) => runner.destroyed)).toEqual([true, true, true]);
  });

  it('goes on answering one tab when the other crashes in the middle of its answer, whose turn is over then', async () => {
    const model = fakeModel();
    const shared = fakeShared([model]);
    const [first, second] = [shared.openTab(), shared.openTab()];
    const [crashing, staying] = [await engineOf(first), await engineOf(second)];
    const alone = await textOf(staying);
    const answer = crashing.generate({ ...request, maxTokens: 400 });
    await answer.next();
    first.crash();
    expect(await textOf(staying)).toBe(alone);
    await expect.poll(() => shared.readers).toBe(2); // the stored model is held by the tab that is left
    second.crash();
    await expect.poll(() => model.runner.destroyed).toBe(true);
  });

  it('does not wait for a tab that reads slowly', async () => {
    const shared = fakeShared([fakeModel()]);
    const [slow, other] = [await engineOf(shared.openTab()), await engineOf(shared.openTab())];
    const answer = slow.generate({ ...request, maxTokens: 100 });
    await answer.next();
    expect(await textOf(other)).toHaveLength(40);
    let length = 1;
    for await (const event of answer) if (event.type === 'text') length += event.text.length;
    expect(length).toBe(100);
  });

  it('tells a tab the events of its own requests, and everybody those of the engine', async () => {
    const models = [fakeModel({ downgrades: ['slower'] })];
    const shared = fakeShared(models);
    const engines = [await engineOf(shared.openTab()), await engineOf(shared.openTab())];
    const heard = engines.map((engine) => {
      const types: string[] = [];
      engine.on(({ type }) => types.push(type));
      return types;
    });
    await settle();
    await textOf(engines[0]!, { maxTokens: 3 });
    await settle();
    models[0]!.runner.lose(new OutriderError('device_lost', 'gone'));
    await settle();
    expect(heard[0]!.filter((type) => type !== 'prefill')).toEqual([
      ...['downgrade', 'routing', 'routing', 'routing', 'stats', 'device_lost'],
    ]);
    expect(heard[1]).toEqual(['downgrade', 'device_lost']);
  });

  it('interrupts only what the tab itself asked for', async () => {
    const shared = fakeShared([fakeModel()]);
    const [stopping, other] = [await engineOf(shared.openTab()), await engineOf(shared.openTab())];
    const mine = textOf(stopping, { maxTokens: 300 });
    const theirs = textOf(other);
    await stopping.interrupt();
    await expect(mine).rejects.toMatchObject({ name: 'AbortError' });
    expect(await theirs).toHaveLength(40);
    expect(await textOf(stopping)).toBe(await theirs);
  });

  it('is loaded on by the next tab where the one that read is closed meanwhile: progress says so and never falls', async () => {
    const [first, second] = [slowModel(), slowModel()];
    const shared = fakeShared([first.model, second.model]);
    const [closing, waiting] = [shared.openTab(), shared.openTab()];
    const progress: LoadProgress[] = [];
    closing.join().catch(() => {});
    await first.started;
    const loading = engineOf(waiting, { onProgress: (item) => progress.push(item) });
    await expect.poll(() => progress.length).toBeGreaterThan(0); // how far it is, at once
    closing.crash();
    await second.started;
    second.go();
    expect(await textOf(await loading)).toHaveLength(40);
    expect([shared.loads, shared.readers]).toEqual([2, 2]);
    expect(progress.some(({ text }) => text.includes('another goes on'))).toBe(true);
    const shares = progress.map((item) => item.progress);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
  });

  it('stops loading when all who waited have aborted, and not before', async () => {
    const slow = slowModel();
    const shared = fakeShared([slow.model, fakeModel()]);
    const [one, two] = [new AbortController(), new AbortController()];
    const first = shared.openTab().join({ signal: one.signal });
    await slow.started;
    const second = shared.openTab().join({ signal: two.signal });
    await settle();
    two.abort();
    await expect(second).rejects.toMatchObject({ code: 'aborted' });
    await settle();
    expect(shared.loads).toBe(1);
    one.abort();
    await expect(first).rejects.toMatchObject({ code: 'aborted' });
    expect(await textOf(await engineOf(shared.openTab()))).toHaveLength(40);
    expect(shared.loads).toBe(2);
  });

  it('fails for all who wait with the reason of the loading, and can be tried again', async () => {
    const reader = readerOf(byteSource);
    const broken = {
      ...reader,
      inspect: () => reader.readText('nothing', 1).then(() => Promise.reject(new Error('x'))),
    };
    const shared = fakeShared([fakeModel()]);
    const results = await Promise.allSettled([shared.openTab(broken).join(), shared.openTab(broken).join()]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await textOf(await engineOf(shared.openTab()))).toHaveLength(40);
  });

  it('is not given to those who come after its device was lost', async () => {
    const models = [fakeModel(), fakeModel()];
    const shared = fakeShared(models);
    const lost = await engineOf(shared.openTab());
    models[0]!.runner.lose(new Error('gone'));
    await expect(textOf(lost)).rejects.toThrow('gone');
    expect(await textOf(await engineOf(shared.openTab()))).toHaveLength(40);
    expect(shared.loads).toBe(2);
  });

  it('fails with worker_failed for all tabs when the SharedWorker dies', async () => {
    const shared = fakeShared([fakeModel()]);
    const engines = [await engineOf(shared.openTab()), await engineOf(shared.openTab())];
    const answer = textOf(engines[0]!, { maxTokens: 400 });
    shared.kill();
    await expect(answer).rejects.toMatchObject({ code: 'worker_failed' });
    for (const engine of engines) await expect(engine.stats()).rejects.toMatchObject({ code: 'worker_failed' });
  });

  it('is let go of by a page that the browser sets aside, and says so when that page comes back', async () => {
    const page = new EventTarget();
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
    vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
    const model = fakeModel();
    const engine = await engineOf(fakeShared([model]).openTab());
    page.dispatchEvent(Object.assign(new Event('pagehide'), { persisted: true }));
    vi.unstubAllGlobals();
    await expect(engine.stats()).rejects.toMatchObject({
      code: 'engine_unloaded',
      message: expect.stringContaining('set this page aside'),
    });
    await expect.poll(() => model.runner.destroyed).toBe(true);
  });

  it('is refused in words where the SharedWorker has no WebGPU, or no adapter', async () => {
    expect(await fakeShared([], { gpu: false }).openTab().join()).toEqual({
      missing: 'this browser has no WebGPU in SharedWorkers',
    });
    expect(await fakeShared([], { adapter: false }).openTab().join()).toEqual({
      missing: 'WebGPU has no adapter in SharedWorkers',
    });
  });
});

it('what is done otherwise than asked before loading is told with the other downgrades', async () => {
  const reader = await openReader('bytes', { downgrades: ['not shared'] }, async () => byteSource, undefined);
  const engine = await createTextEngine(
    { ...readerOf(byteSource), notices: () => reader.notices() },
    'bytes',
    {},
    fakeModel().load,
  );
  const heard: unknown[] = [];
  engine.on((event) => heard.push(event));
  await expect.poll(() => heard).toEqual([{ type: 'downgrade', message: 'not shared' }]);
});
