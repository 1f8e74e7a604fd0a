/** The highest of what memory came to, sampled while something goes on. */
import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytes } from './processes.ts';
import type { MemoryPeaks } from './types.ts';

const INTERVAL_MILLISECONDS = 50;
/** Processes are looked for, and their memory is summed, once in so many samples: that costs more than asking for heaps. */
const SAMPLES_PER_RSS = 10;

/**
 * @param heap bytes of JavaScript heaps and backing stores at the time
 * @param processes whose resident memory counts
 * @returns ends the sampling
 */
export function sampleMemory(
  heap: () => Promise<number> | number,
  processes: () => readonly number[],
): () => Promise<MemoryPeaks> {
  const rssBefore = residentBytes(processes());
  let peaks: MemoryPeaks = { heap: 0, samples: 0, rssBefore, rss: rssBefore };
  let isOver = false;
  const sampling = (async () => {
    while (!isOver) {
      const before = performance.now();
      const [bytes, samples] = [await heap(), peaks.samples + 1];
      const rss = samples % SAMPLES_PER_RSS === 0 ? residentBytes(processes()) : 0;
      peaks = { heap: Math.max(peaks.heap, bytes), samples, rssBefore, rss: Math.max(peaks.rss, rss) };
      await sleep(Math.max(1, INTERVAL_MILLISECONDS - (performance.now() - before)));
    }
  })();
  return async () => {
    isOver = true;
    await sampling;
    return { ...peaks, rss: Math.max(peaks.rss, residentBytes(processes())) };
  };
}
