import { describe, expect, it } from 'vitest';
import { RequestQueue } from '../../src/engine/queue.ts';

describe('RequestQueue', () => {
  it('lets one in at a time, in the order of arrival, even one that arrives while the turn is handed over', async () => {
    const queue = new RequestQueue();
    const order: string[] = [];
    const use = async (name: string) => {
      const leave = await queue.enter();
      order.push(`${name} in`);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`${name} out`);
      leave();
      leave(); // harmless
      if (name === 'a') void late.push(use('d'));
    };
    const late: Promise<void>[] = [];
    await Promise.all(['a', 'b', 'c'].map(use));
    await Promise.all(late);
    expect(order).toEqual(['a', 'b', 'c', 'd'].flatMap((name) => [`${name} in`, `${name} out`]));
  });

  it('lets clients take turns, and a newcomer wait for those who were there', async () => {
    const queue = new RequestQueue();
    const order: string[] = [];
    const use = async (name: string, signal?: AbortSignal) => {
      const leave = await queue.enter(signal, name[0]);
      order.push(name);
      await new Promise((resolve) => setImmediate(resolve));
      if (name === 'b1') late.push(use('d1'));
      leave();
    };
    const late: Promise<void>[] = [];
    const controller = new AbortController();
    const given = [...['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map((name) => use(name)), use('e1', controller.signal)];
    controller.abort(new Error('gone'));
    await expect(given.pop()).rejects.toThrow('gone');
    await Promise.all(given);
    await Promise.all(late);
    expect(order).toEqual(['a1', 'b1', 'c1', 'a2', 'd1', 'b2', 'a3']);
    await queue.idle();
    expect(queue.length).toBe(0);
  });

  it('forgets who aborts while waiting', async () => {
    const queue = new RequestQueue();
    const leave = await queue.enter();
    const controller = new AbortController();
    const second = queue.enter(controller.signal);
    const third = queue.enter();
    controller.abort(new Error('changed my mind'));
    await expect(second).rejects.toThrow('changed my mind');
    expect(queue.length).toBe(1);
    leave();
    await expect(third).resolves.toBeTypeOf('function');
  });

  it('rejects everyone who waits once closed, and everyone who comes later', async () => {
    const queue = new RequestQueue();
    await queue.enter();
    const waiting = queue.enter();
    queue.close(new Error('over'));
    await expect(waiting).rejects.toThrow('over');
    await expect(queue.enter()).rejects.toThrow('over');
  });
});
