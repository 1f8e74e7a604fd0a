import { afterEach, describe, expect, it } from 'vitest';
import { ghostBytes } from '../../src/ghost/bytes.ts';
import { TINY } from '../../src/ghost/dims.ts';
import { type Fault, scriptedFaults, seededFaults } from '../../src/ghost/faults.ts';
import { type GhostServer, serveGhost } from '../../src/ghost/server.ts';
import { ghostSpec } from '../../src/ghost/spec.ts';

const FILE = 'model.safetensors';
const START = 3000;
const END = 403_000;
const spec = ghostSpec('scout-bf16', { dims: TINY });
const size = spec.files.get(FILE)!.size;
const right = ghostBytes(spec, FILE, START, END);

let server: GhostServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

interface Seen {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  /** The body ended before its length was reached, or never came. */
  readonly failed: boolean;
}

/** What arrives of bytes [START, END), up to an error or until nothing has come for a while. */
async function download(url: string, patience = 60_000): Promise<Seen> {
  const headers = { Range: `bytes=${START}-${END - 1}` };
  const response = await fetch(url + FILE, { headers, signal: AbortSignal.timeout(patience) });
  const pieces: Uint8Array[] = [];
  let failed = false;
  try {
    for await (const piece of response.body!) pieces.push(piece);
  } catch {
    failed = true;
  }
  return { status: response.status, headers: response.headers, bytes: Buffer.concat(pieces), failed };
}

/** The first answer with the fault, and the second, which must be whole. */
async function meet(fault: Fault, patience?: number): Promise<Seen> {
  server = await serveGhost({ spec, faults: scriptedFaults([fault]) });
  const seen = await download(server.url, patience);
  const next = await download(server.url);
  expect(next.bytes.equals(right)).toBe(true);
  return seen;
}

describe('a fault', () => {
  it('reset ends the connection before an answer', async () => {
    server = await serveGhost({ spec, faults: scriptedFaults([{ kind: 'reset' }]) });
    await expect(download(server.url)).rejects.toThrow();
    expect((await download(server.url)).bytes.equals(right)).toBe(true);
  });

  it.each([0, 1, 100_000])('drop ends the connection after %i bytes, which are right', async (afterBytes) => {
    const { status, bytes, failed } = await meet({ kind: 'drop', afterBytes });
    expect([status, failed]).toEqual([206, true]);
    expect(bytes.equals(right.subarray(0, afterBytes))).toBe(true);
  });

  it('status is answered instead of the file, with when to come again', async () => {
    const busy = await meet({ kind: 'status', status: 503, retryAfterSeconds: 7 });
    expect([busy.status, busy.headers.get('retry-after'), busy.bytes.length]).toEqual([503, '7', 0]);
  });

  it('stall sends nothing more and keeps the connection', async () => {
    const { bytes, failed } = await meet({ kind: 'stall', afterBytes: 5000 }, 2000);
    expect([bytes.length, failed]).toEqual([5000, true]);
  });

  it('slow takes its time and loses nothing', async () => {
    const started = performance.now();
    const { bytes } = await meet({ kind: 'slow', bytesPerSecond: 1e6 });
    expect(bytes.equals(right)).toBe(true);
    expect(performance.now() - started).toBeGreaterThan(300); // 0.4 MB at 1 MB/s, less what may pass at once
  });

  it.each([-1000, 1000])('length sends %i bytes more than the range in a well-formed answer', async (deltaBytes) => {
    const { headers, bytes, failed } = await meet({ kind: 'length', deltaBytes });
    expect(failed).toBe(false);
    expect(bytes).toHaveLength(END - START + deltaBytes);
    expect(headers.get('content-length')).toBe(String(END - START + deltaBytes));
    expect(headers.get('content-range')).toBe(`bytes ${START}-${END - 1}/${size}`);
    const common = Math.min(bytes.length, right.length);
    expect(bytes.subarray(0, common).equals(right.subarray(0, common))).toBe(true);
  });

  it('content-range names another place', async () => {
    const { headers, bytes } = await meet({ kind: 'content-range', shift: 8 });
    expect(headers.get('content-range')).toBe(`bytes ${START + 8}-${END + 7}/${size}`);
    expect(bytes.equals(right)).toBe(true);
  });

  it.each([0, 123_456, END - START - 1])('flip changes one bit, at byte %i, and not the stock', async (at) => {
    const { bytes } = await meet({ kind: 'flip', at });
    bytes[at]! ^= 1;
    expect(bytes.equals(right)).toBe(true);
  });

  it('revision answers from another upload', async () => {
    const { headers, bytes } = await meet({ kind: 'revision', revision: 3 });
    expect(bytes.equals(ghostBytes(spec, FILE, START, END, 3))).toBe(true);
    expect(bytes.equals(right)).toBe(false);
    expect(headers.get('etag')).not.toBe((await download(server!.url)).headers.get('etag'));
  });
});

describe('faults by chance', () => {
  const request = { method: 'GET', file: FILE, start: 0, end: 1000 };
  const of = (seed: number, share: number) =>
    Array.from({ length: 500 }, (_, index) => seededFaults({ seed, share })({ ...request, index }));

  it('are the same for the same seed, and others for another', () => {
    expect(of(1, 0.3)).toEqual(of(1, 0.3));
    expect(of(1, 0.3)).not.toEqual(of(2, 0.3));
  });

  it('hit the share that was asked for, with every kind', () => {
    const faults = of(1, 0.3).filter((fault) => fault !== undefined);
    expect(faults.length).toBeGreaterThan(110);
    expect(faults.length).toBeLessThan(190);
    expect(new Set(faults.map(({ kind }) => kind)).size).toBe(6);
    expect(of(1, 0).every((fault) => fault === undefined)).toBe(true);
  });

  it('leave config and HEAD alone', () => {
    const always = seededFaults({ seed: 1, share: 1 });
    expect(always({ ...request, index: 0, file: 'config.json' })).toBeUndefined();
    expect(always({ ...request, index: 0, method: 'HEAD' })).toBeUndefined();
    expect(always({ ...request, index: 0 })).toBeDefined();
  });
});
