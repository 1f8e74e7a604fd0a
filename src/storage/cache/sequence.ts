/** A file from a server without Range: sent once, from its beginning, and stored on the way whichever part is wanted. */
import type { Bytes } from './store.ts';

export interface Sequence {
  /** Resolves once part `i` went by. Rejects where the file broke off before. */
  reached(i: number): Promise<void>;
}

/**
 * @param pieces all bytes of the file, in pieces of any length
 * @param lengthOf bytes of part `i`; undefined after the last
 * @param take is given each part in order; the next one waits for it
 */
export function startSequence(
  pieces: AsyncIterable<Bytes>,
  lengthOf: (i: number) => number | undefined,
  take: (i: number, bytes: Bytes) => Promise<void>,
): Sequence {
  let passed = -1;
  let ended: { readonly error?: unknown } | undefined;
  let wake = new Set<() => void>();
  const tell = (): void => {
    const woken = wake;
    wake = new Set();
    for (const resolve of woken) resolve();
  };
  const run = async (): Promise<void> => {
    let part = new Uint8Array(lengthOf(0) ?? 0);
    let filled = 0;
    for await (const piece of pieces) {
      for (let at = 0; at < piece.length; ) {
        const taken = piece.subarray(at, at + part.length - filled);
        part.set(taken, filled);
        at += taken.length;
        filled += taken.length;
        if (filled < part.length) continue;
        await take(passed + 1, part);
        passed++;
        tell();
        part = new Uint8Array(lengthOf(passed + 1) ?? 0);
        filled = 0;
      }
    }
  };
  run()
    .then(
      () => {
        ended = {};
      },
      (error) => {
        ended = { error };
      },
    )
    .finally(tell);
  return {
    async reached(i) {
      while (passed < i && !ended) await new Promise<void>((resolve) => wake.add(resolve));
      if (passed < i) throw ended!.error;
    },
  };
}
