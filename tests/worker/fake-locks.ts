/** Web Locks in one thread: exclusive ones, first come, first served; a signal ends the waiting. */
import type { LockRequester } from '../../src/ports/life.ts';

type Grant = () => Promise<unknown>;

export function fakeLocks(): LockRequester & { held(): string[] } {
  const queues = new Map<string, Grant[]>();
  const serve = async (name: string, queue: Grant[]): Promise<void> => {
    while (queue.length > 0) {
      await queue[0]!().catch(() => {});
      queue.shift();
    }
    queues.delete(name);
  };
  const request = (name: string, ...rest: unknown[]): Promise<unknown> => {
    const callback = rest.at(-1) as (lock: unknown) => unknown;
    const { signal } = (rest.length > 1 ? rest[0] : {}) as { signal?: AbortSignal };
    const queue = queues.get(name) ?? [];
    return new Promise((resolve, reject) => {
      const abort = () => {
        queue.splice(queue.indexOf(grant), 1);
        reject(signal!.reason);
      };
      const grant: Grant = async () => {
        signal?.removeEventListener('abort', abort);
        const held = callback({ name });
        resolve(held);
        await held;
      };
      signal?.addEventListener('abort', abort, { once: true });
      queue.push(grant);
      if (queues.has(name)) return;
      queues.set(name, queue);
      queueMicrotask(() => void serve(name, queue));
    });
  };
  return { request: request as LockManager['request'], held: () => [...queues.keys()] };
}
