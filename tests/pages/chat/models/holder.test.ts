import { describe, expect, it } from 'vitest';
import type { Engine, LoadProgress } from '../../../../src/index.ts';
import type { EngineRequest } from '../../../../src/pages/chat/models/api.ts';
import { ModelHolder } from '../../../../src/pages/chat/models/holder.ts';

/** A library whose loads end when the test says so, and that counts what is alive. */
function fakeLibrary() {
  const loads: { source: unknown; request: EngineRequest; finish(): void; break(error: unknown): void }[] = [];
  const log: string[] = [];
  const create = (source: unknown, request: EngineRequest) =>
    new Promise<Engine>((resolve, reject) => {
      log.push(`load ${source}`);
      request.signal!.addEventListener('abort', () => reject(new Error('aborted')));
      const unload = async () => void log.push(`unload ${source}`);
      loads.push({ source, request, finish: () => resolve({ unload } as unknown as Engine), break: reject });
    });
  return { loads, log, create };
}

const order = (source: string) =>
  ({ entry: { key: source, source, name: source, label: source, kind: 'remote' }, request: {} }) as const;
const settled = () => new Promise((resolve) => setTimeout(resolve));
const half = { phase: 'download', progress: 0.5 } as unknown as LoadProgress;

function fixture() {
  const library = fakeLibrary();
  const holder = new ModelHolder(library.create);
  const seen: string[] = [];
  holder.listen(({ kind }) => seen.push(kind));
  return { ...library, holder, seen };
}

describe('the model holder', () => {
  it('goes from loading to ready, and gives the old model back before it fetches a new one', async () => {
    const { holder, loads, log, seen } = fixture();
    const first = holder.load(order('a'));
    await settled();
    loads[0]!.request.onProgress!(half);
    loads[0]!.finish();
    await first;
    void holder.load(order('b'));
    await settled();
    expect(seen).toEqual(['loading', 'loading', 'ready', 'loading']);
    expect(log).toEqual(['load a', 'unload a', 'load b']);
  });

  it('keeps the progress of a pause, and hears nothing of the load that it ended', async () => {
    const { holder, loads } = fixture();
    void holder.load(order('a'));
    await settled();
    loads[0]!.request.onProgress!(half);
    holder.pause();
    loads[0]!.request.onProgress!(half);
    await settled();
    expect(holder.state).toMatchObject({ kind: 'paused', progress: half });
    void holder.resume();
    await settled();
    expect(loads.map(({ source }) => source)).toEqual(['a', 'a']);
    loads[1]!.finish();
    await settled();
    expect(holder.state.kind).toBe('ready');
  });

  it('unloads an engine that arrives after its pause, and loads only the last of three orders', async () => {
    const { holder, loads, log } = fixture();
    void holder.load(order('a'));
    await settled();
    loads[0]!.request.signal!.addEventListener('abort', () => loads[0]!.finish());
    loads[0]!.finish(); // resolves in the same turn as the pause
    holder.pause();
    void holder.load(order('b'));
    void holder.load(order('c'));
    await settled();
    expect(log).toEqual(['load a', 'unload a', 'load c']);
    expect(holder.order?.entry.key).toBe('c');
  });

  it('tells failures, of loading and of a lost device, and tries again when asked', async () => {
    const { holder, loads, log } = fixture();
    const first = holder.load(order('a'));
    await settled();
    loads[0]!.break(new Error('network'));
    await first;
    expect(holder.state).toMatchObject({ kind: 'failed', error: new Error('network') });
    void holder.resume();
    await settled();
    loads[1]!.finish();
    await settled();
    holder.fail(new Error('lost'));
    expect(holder.state).toMatchObject({ kind: 'failed', error: new Error('lost') });
    await settled();
    expect(log).toEqual(['load a', 'load a', 'unload a']);
  });
});
