import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type EngineOrder, EnginePool } from '../../src/element/engine-pool.ts';
import type { EngineListener } from '../../src/engine/events.ts';
import { OutriderError } from '../../src/errors.ts';
import type { Engine, LoadProgress } from '../../src/index.ts';

const graceMs = 1000;
const half = { phase: 'weights', progress: 0.5 } as LoadProgress;

/** A loader whose loads end when the test says so. */
function createLoads() {
  const loads: {
    order: EngineOrder;
    signal: AbortSignal;
    onProgress: (progress: LoadProgress) => void;
    finish(): Engine;
    fail(error: unknown): void;
    lose(error: OutriderError): void;
    unload: ReturnType<typeof vi.fn>;
  }[] = [];
  const pool = new EnginePool((order, { onProgress, signal }) => {
    let listener: EngineListener = () => {};
    const unload = vi.fn(async () => {});
    const engine = { unload, on: (_: string, given: EngineListener) => (listener = given) } as unknown as Engine;
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
      const finish = () => {
        resolve(engine);
        return engine;
      };
      const lose = (error: OutriderError) => listener({ type: 'device_lost', error });
      loads.push({ order, signal, onProgress, finish, fail: reject, lose, unload });
    });
  }, graceMs);
  return { pool, loads };
}

const order: EngineOrder = { model: 'https://site.test/model' };
const ignore = () => {};

describe('a pool of engines', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('loads once for equal orders, tells late comers how far it is, and unloads after the last and a moment', async () => {
    const { pool, loads } = createLoads();
    const first = pool.lease({ ...order }, ignore);
    loads[0]!.onProgress(half);
    const told: LoadProgress[] = [];
    const second = pool.lease({ ...order }, (progress) => told.push(progress));
    expect(told).toEqual([half]);
    const engine = loads[0]!.finish();
    expect(await Promise.all([first.engine, second.engine])).toEqual([engine, engine]);
    first.release();
    first.release(); // counts once
    await vi.advanceTimersByTimeAsync(2 * graceMs);
    expect(loads[0]!.unload).not.toHaveBeenCalled();
    second.release();
    await vi.advanceTimersByTimeAsync(graceMs - 1);
    expect(loads[0]!.unload).not.toHaveBeenCalled();
    const third = pool.lease({ ...order }, ignore); // moved within the page
    await vi.advanceTimersByTimeAsync(2 * graceMs);
    expect(await third.engine).toBe(engine);
    third.release();
    await vi.advanceTimersByTimeAsync(graceMs);
    expect(loads[0]!.unload).toHaveBeenCalledOnce();
    expect(loads).toHaveLength(1);
  });

  it('keeps orders apart that differ in anything', () => {
    const { pool, loads } = createLoads();
    const options = {};
    const fallback = { baseURL: 'https://server.test', model: 'scout' };
    for (const other of [order, { ...order, options }, { ...order, options: {} }, { ...order, fallback }]) {
      pool.lease(other, ignore);
    }
    pool.lease({ ...order, options }, ignore);
    expect(loads).toHaveLength(4);
  });

  it('goes on loading for the others when one gives up, and stops with the last', async () => {
    const { pool, loads } = createLoads();
    const [first, second] = [pool.lease(order, ignore), pool.lease(order, ignore)];
    first.release('once');
    await expect(first.engine).rejects.toMatchObject({ name: 'AbortError' });
    expect(loads[0]!.signal.aborted).toBe(false);
    second.release('once');
    expect(loads[0]!.signal.aborted).toBe(true);
    pool.lease(order, ignore);
    expect(loads).toHaveLength(2);
  });

  it('loads anew after a failure and after a lost device, which every lease hears of', async () => {
    const { pool, loads } = createLoads();
    const failed = pool.lease(order, ignore);
    loads[0]!.fail(new Error('no network'));
    await expect(failed.engine).rejects.toThrow('no network');
    const [one, other] = [pool.lease(order, ignore), pool.lease(order, ignore)];
    loads[1]!.finish();
    await one.engine;
    const error = new OutriderError('device_lost', 'gone');
    loads[1]!.lose(error);
    expect([one.lost.reason, other.lost.reason]).toEqual([error, error]);
    pool.lease(order, ignore);
    expect(loads).toHaveLength(3);
  });

  it('keeps an engine with a fallback when the device is lost: it goes on elsewhere', async () => {
    const { pool, loads } = createLoads();
    const lease = pool.lease({ ...order, fallback: { baseURL: 'https://server.test', model: 'scout' } }, ignore);
    loads[0]!.finish();
    await lease.engine;
    loads[0]!.lose(new OutriderError('device_lost', 'gone'));
    expect(lease.lost.aborted).toBe(false);
  });
});
