import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OutriderError } from '../../src/errors.ts';
import {
  backOffMs,
  MAX_ATTEMPTS,
  parseRetryAfter,
  type RetryNotice,
  realSurroundings,
  retry,
  TransientFailure,
} from '../../src/storage/retry.ts';
import { fakeSurroundings } from './http-server.ts';

const url = 'https://example.org/w.safetensors';

test('pauses double up to half a minute, and any shorter one is as likely', () => {
  const limits = [1, 2, 3, 4, 5, 6, 7, 40].map((failures) => backOffMs(failures, 1));
  expect(limits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  expect(backOffMs(3, 0.25)).toBe(1000);
});

test('it is given up after as many failures in a row as allowed; a byte between them starts the count anew', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 40 }), async (moves) => {
      let calls = 0;
      let row = 0;
      let longest = 0;
      const result = retry(
        async (progress) => {
          const moved = moves[calls++];
          if (moved === undefined) return 'done';
          if (moved) {
            progress();
            row = 0;
          }
          longest = Math.max(longest, ++row);
          throw new TransientFailure('It broke.');
        },
        { url, surroundings: fakeSurroundings() },
      ).catch((error: OutriderError) => error.code);
      expect(await result).toBe(longest >= MAX_ATTEMPTS ? 'network_error' : 'done');
    }),
  );
});

test('the last failure names the address, what happened, how often, and what to do', async () => {
  const surroundings = fakeSurroundings();
  const notices: RetryNotice[] = [];
  const failing = retry(
    async () => {
      throw new TransientFailure('It was answered with status 503.', { details: { status: 503 } });
    },
    { url, surroundings, onRetry: (notice) => notices.push(notice) },
  );
  await expect(failing).rejects.toMatchObject({
    code: 'network_error',
    message: expect.stringMatching(/w\.safetensors: It was answered with status 503\. Given up after 6 .*load again/),
    details: { url, status: 503, attempts: 6 },
  });
  expect(surroundings.slept).toEqual([1000, 2000, 4000, 8000, 16_000]);
  expect(notices[1]).toEqual({ url, failures: 2, waitMs: 2000, reason: 'It was answered with status 503.' });
});

test('other errors are not tried again, and an abort ends a pause', async () => {
  let calls = 0;
  const refused = new OutriderError('access_denied', 'no');
  const attempt = async () => {
    calls++;
    throw refused;
  };
  await expect(retry(attempt, { url, surroundings: fakeSurroundings() })).rejects.toBe(refused);
  expect(calls).toBe(1);
  const controller = new AbortController();
  const pausing = retry(() => Promise.reject(new TransientFailure('It broke.')), {
    url,
    signal: controller.signal,
    surroundings: { ...realSurroundings, random: () => 1 },
    onRetry: () => setImmediate(() => controller.abort()),
  });
  await expect(pausing).rejects.toMatchObject({ code: 'aborted' });
});

test('a server is waited for as long as it asks, but not for an hour', async () => {
  expect(parseRetryAfter('120', 0)).toBe(120_000);
  expect(parseRetryAfter('Thu, 01 Jan 1970 00:00:30 GMT', 10_000)).toBe(20_000);
  expect(parseRetryAfter('Thu, 01 Jan 1970 00:00:30 GMT', 90_000)).toBe(0);
  expect(parseRetryAfter('soon', 0)).toBeUndefined();
  expect(parseRetryAfter(null, 0)).toBeUndefined();
  const surroundings = fakeSurroundings();
  const asks = (retryAfterMs: number) => {
    let calls = 0;
    return retry(
      async () => {
        if (calls++ === 0) throw new TransientFailure('It was answered with status 429.', { retryAfterMs });
      },
      { url, surroundings },
    );
  };
  await asks(120_000);
  expect(surroundings.slept).toEqual([120_000]);
  await expect(asks(3_600_000)).rejects.toMatchObject({ message: expect.stringContaining('wait 3600 s') });
});

test('being offline costs no attempts: the next one comes when the network does', async () => {
  let calls = 0;
  let waits = 0;
  const surroundings = fakeSurroundings({
    isOffline: () => calls <= 20,
    whenOnline: async () => void waits++,
  });
  const notices: RetryNotice[] = [];
  const result = retry(
    async () => {
      if (++calls <= 22) throw new TransientFailure('It could not be reached.');
      return 'online';
    },
    { url, surroundings, onRetry: (notice) => notices.push(notice) },
  );
  expect(await result).toBe('online');
  expect([waits, surroundings.slept]).toEqual([20, [1000, 2000]]);
  expect(notices[0]).toMatchObject({ waitMs: undefined, reason: expect.stringContaining('offline') });
});
