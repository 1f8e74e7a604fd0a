/** One stage of a load at a time, in the thread in which a load does it. */
import { hashPart } from '../../storage/cache/digest.ts';
import { openDisk } from '../../storage/cache/disk.ts';
import type { HasherPool } from '../../storage/cache/hasher.ts';
import type { StoredFile } from '../../storage/cache/records.ts';
import type { BlockStore } from '../../storage/cache/store.ts';
import { allocatePart, cutParts, PART_BYTES, recyclePart } from '../../storage/parts.ts';
import { type StageRequest, totalBytes, type Work } from './types.ts';

/** As `streamParts` has them under way. */
const PARALLEL = 6;
const SCRATCH_BYTES = 1 << 20;

/** A piece of work over so many bytes. */
function timed(bytes: number, work: () => Promise<void>): Work {
  return async () => {
    const start = performance.now();
    await work();
    return { bytes, seconds: (performance.now() - start) / 1000, gpuBytes: 0, adapter: '' };
  };
}

/** The requests that a load makes, as many at a time, read as fast as the platform gives them and thrown away. */
export function prepareFetch(request: StageRequest): Work {
  return timed(totalBytes(request), async () => {
    for (const { path, size } of request.files) {
      const parts = cutParts(0, size);
      const one = async () => {
        for (const { start, end } of parts) await throwAway(new URL(path, request.url), start, end);
      };
      await Promise.all(Array.from({ length: PARALLEL }, one));
    }
  });
}

async function throwAway(url: URL, start: number, end: number): Promise<void> {
  const response = await fetch(url, { cache: 'no-store', headers: { range: `bytes=${start}-${end - 1}` } });
  const reader = response.body!.getReader({ mode: 'byob' });
  let scratch = new Uint8Array(SCRATCH_BYTES);
  let received = 0;
  for (;;) {
    const { done, value } = await reader.read(scratch);
    if (done || !value) break;
    received += value.length;
    scratch = new Uint8Array(value.buffer);
  }
  if (received !== end - start) throw new Error(`${url}: ${received} bytes came of ${end - start}`);
}

/** What a cache computes of each part, one after the other as parts arrive. */
export function preparePartHash(request: StageRequest): Work {
  const part = new Uint8Array(PART_BYTES);
  return timed(totalBytes(request), async () => {
    for (const { size } of request.files) {
      for (const { start, end } of cutParts(0, size)) await hashPart(part.subarray(0, end - start));
    }
  });
}

/** What is computed of files whose hash is promised. */
export function prepareHash(request: StageRequest, pool: HasherPool): Work {
  return timed(totalBytes(request), async () => {
    for (const { size } of request.files) {
      const hasher = pool.create();
      for (const { start, end } of cutParts(0, size)) {
        recyclePart((await hasher.update(allocatePart(end - start))).buffer);
      }
      await hasher.digest();
    }
    pool.close();
  });
}

/** Parts as the cache writes them. */
export function prepareDisk(request: StageRequest, store: BlockStore): Work {
  const part = crypto.getRandomValues(new Uint8Array(1 << 16));
  const bytes = new Uint8Array(PART_BYTES);
  for (let at = 0; at < bytes.length; at += part.length) bytes.set(part, at);
  return timed(totalBytes(request), async () => {
    const disk = openDisk(store, 'bench-load', () => PART_BYTES);
    for (const [incarnation, { path, size }] of request.files.entries()) {
      const file: StoredFile = { path, size, incarnation, parts: [], verified: false };
      for (const { start, end } of cutParts(0, size))
        await disk.write(file, start / PART_BYTES, bytes.subarray(0, end - start));
    }
    await disk.flush();
    disk.end();
  });
}
