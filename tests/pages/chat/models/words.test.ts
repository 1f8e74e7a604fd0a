import { describe, expect, it } from 'vitest';
import { describeStorage, describeVerification } from '../../../../src/pages/chat/models/stored-words.ts';
import { describeProgress, formatBytesOf, formatWait, isDownloading } from '../../../../src/pages/chat/models/words.ts';

const download = { phase: 'download', text: 'Downloading', loaded: 2.1e9, total: 54e9, bytesPerSecond: 82e6 };

describe('progress in words', () => {
  it.each([
    [{ ...download, secondsLeft: 633 }, 'Downloading: 2.1 of 54.0 GB at 82.0 MB/s, 11 min left'],
    [{ ...download, loaded: 950e6, bytesPerSecond: 0 }, 'Downloading: 950 MB of 54.0 GB'],
    [{ ...download, loaded: 54e9 }, 'Downloading: 54.0 of 54.0 GB'],
    [{ ...download, total: 0, text: 'Waiting for the network' }, 'Waiting for the network'],
    [{ ...download, text: 'Waiting for the network: offline.' }, '2.1 of 54.0 GB. Waiting for the network: offline.'],
    [{ ...download, phase: 'pipelines', text: 'Preparing the GPU', loaded: 1, total: 2 }, 'Preparing the GPU'],
  ])('%#: says what, how far, how fast and how long', (progress, words) => {
    expect(describeProgress(progress)).toBe(words);
  });

  it.each([
    [0.2, '1 s'],
    [59, '59 s'],
    [90, '2 min'],
    [3599, '1 h'],
    [5000, '1 h 20 min'],
    [86_400, '1 day'],
    [200_000, '2 days'],
  ])('%d seconds are %s', (seconds, words) => {
    expect(formatWait(seconds)).toBe(words);
  });

  it('asks before leaving only while bytes come from a network', () => {
    expect(isDownloading(download)).toBe(true);
    expect(isDownloading({ ...download, loaded: 54e9 })).toBe(false);
    expect(isDownloading({ ...download, phase: 'verify' })).toBe(false);
    expect(isDownloading(undefined)).toBe(false);
  });
});

describe('storage in words', () => {
  it('tells bytes, promises and damage', () => {
    expect(formatBytesOf(0, 29.9e6)).toBe('0 bytes of 29.9 MB');
    expect(describeStorage(0, true)).toBe('No model is stored on this machine yet.');
    expect(describeStorage(54e9, false)).toMatch(/^Models take 54.0 GB .* until it needs the space\.$/);
    expect(describeVerification(0, 54e9)).toBe('All 54.0 GB are as they were received.');
    expect(describeVerification(1, 54e9)).toMatch(/^One damaged part was found\. .* fetches it again/);
    expect(describeVerification(2, 54e9)).toMatch(/^2 damaged parts were found\. .* fetches them again/);
  });
});
