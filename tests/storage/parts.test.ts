import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutParts, joinParts, PART_BYTES, streamParts } from '../../src/storage/parts.ts';

/** Byte i of an endless file. */
const byteAt = (i: number): number => (i ^ (i >>> 13)) & 255;
const readPart = async (start: number, end: number) =>
  Uint8Array.from({ length: end - start }, (_, i) => byteAt(start + i));
const later = () => new Promise<void>((resolve) => setImmediate(resolve));

test('pieces are cut at multiples of the part size of the file, and cover the range without a gap', () => {
  const offset = fc.integer({ min: 0, max: 5 * PART_BYTES });
  fc.assert(
    fc.property(offset, offset, (a, b) => {
      const [start, end] = [Math.min(a, b), Math.max(a, b)];
      const parts = [...cutParts(start, end)];
      expect([start, ...parts.map((part) => part.end)]).toEqual([...parts.map((part) => part.start), end]);
      for (const part of parts.slice(1)) expect(part.start % PART_BYTES).toBe(0);
      for (const part of parts) expect(part.end).toBeGreaterThan(part.start);
      expect(parts.length).toBeLessThanOrEqual(Math.ceil((end - start) / PART_BYTES) + 1);
    }),
  );
});

test('parts that arrive in any order are delivered in order, within the limits of connections and memory', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.nat(5), { minLength: 12, maxLength: 12 }),
      async (parallel, window, delays) => {
        let inFlight = 0;
        let held = 0;
        const read = async (start: number) => {
          expect(++inFlight).toBeLessThanOrEqual(parallel);
          expect(++held).toBeLessThanOrEqual(window + 1); // the consumer holds one
          for (let i = delays[start / PART_BYTES]!; i >= 0; i--) await later();
          inFlight--;
          return Uint8Array.of(start / PART_BYTES);
        };
        const order: number[] = [];
        for await (const [piece] of streamParts(read, 0, 12 * PART_BYTES, { parallel, window })) {
          held--;
          order.push(piece!);
          if (piece! % 3 === 0) await later();
        }
        expect(order).toEqual([...delays.keys()]);
      },
    ),
    { numRuns: 50 },
  );
});

test('a piece fills a buffer of its own, so that it can be transferred', async () => {
  const start = PART_BYTES - 5;
  const end = PART_BYTES + 3;
  const pieces: Uint8Array[] = [];
  for await (const piece of streamParts(readPart, start, end)) {
    expect(piece.buffer.byteLength).toBe(piece.length);
    pieces.push(structuredClone(piece, { transfer: [piece.buffer] }));
  }
  expect(pieces.map(({ length }) => length)).toEqual([5, 3]);
  expect(await joinParts(streamParts(readPart, start, end), end - start)).toEqual(await readPart(start, end));
});

test('the first part that fails stops all others at once, even when an earlier one hangs', async () => {
  const signals: AbortSignal[] = [];
  const read = (start: number, _end: number, signal: AbortSignal) => {
    signals.push(signal);
    return start === 0 ? new Promise<never>(() => {}) : later().then(() => Promise.reject(new Error(`part ${start}`)));
  };
  const reading = collectAll(streamParts(read, 0, 9 * PART_BYTES, { parallel: 3 }));
  await expect(reading).rejects.toThrow(`part ${PART_BYTES}`);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
});

test('an abort rejects at once, and leaving the loop stops what is in flight', async () => {
  const signals: AbortSignal[] = [];
  const hang = (start: number, _end: number, signal: AbortSignal) => {
    signals.push(signal);
    return start === 0 ? Promise.resolve(Uint8Array.of(1)) : new Promise<never>(() => {});
  };
  for await (const _ of streamParts(hang, 0, 4 * PART_BYTES)) break;
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true, true]);
  const controller = new AbortController();
  const reading = collectAll(streamParts(hang, 0, 4 * PART_BYTES, { signal: controller.signal }));
  await later();
  controller.abort('enough');
  await expect(reading).rejects.toMatchObject({ code: 'aborted', cause: 'enough' });
  const never = streamParts(hang, 0, 1, { signal: controller.signal });
  await expect(never.next()).rejects.toMatchObject({ code: 'aborted' });
});

async function collectAll(pieces: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of pieces);
}

test('a piece that the consumer let go is not held by the stream', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const pieces: WeakRef<Uint8Array>[] = [];
  for await (const piece of streamParts(async () => new Uint8Array(1 << 16), 0, 40 * PART_BYTES)) {
    pieces.push(new WeakRef(piece));
    if (pieces.length < 40) continue;
    await later(); // what was dereferenced in one turn lives until its end
    collectGarbage();
    expect(pieces.slice(0, 30).filter((ref) => ref.deref() !== undefined)).toEqual([]);
  }
});
