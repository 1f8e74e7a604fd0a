/**
 * Whether another page or worker still lives, by Web Locks: one holds a lock as long as it lives, and whoever gets that lock knows
 * that it is gone, crashed or closed. No event tells of that reliably.
 */

/** The part of `navigator.locks` that is used. */
export type LockRequester = Pick<LockManager, 'request'>;

/** A name that nobody else has. */
export const nameLife = (kind: string): string => `outrider:${kind}:${crypto.randomUUID?.() ?? Math.random()}`; // insecure origins lack the former

/** Resolves once the lock is held: from then on its name may be told. @returns the function that lets go of it */
export function holdLife(name: string, locks: LockRequester): Promise<() => void> {
  return new Promise((resolve, reject) => {
    locks.request(name, () => new Promise<void>((letGo) => resolve(letGo))).catch(reject);
  });
}

/** Calls `onGone` when whoever holds the lock is gone. @param signal ends the waiting */
export function whenGone(name: string, signal: AbortSignal, onGone: () => void, locks: LockRequester): void {
  if (!signal.aborted) locks.request(name, { signal }, onGone).catch(() => {}); // rejects when the waiting ends
}
