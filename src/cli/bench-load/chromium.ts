/** One stage in headless Chromium, in a profile of its own on disk. */
import { type ChromiumOptions, withChromium } from '../browser/chromium.ts';
import { cpuSeconds, processTree } from './processes.ts';
import { sampleMemory } from './sampler.ts';
import type { StageRequest, StageResult, WorkDone } from './types.ts';

/** In the checkout. */
export const PAGE = 'src/cli/bench-load/page/index.html';

export interface StageOptions extends ChromiumOptions {
  /** Where the bench's page is. */
  readonly pageUrl: string;
  /** The ghost's process. */
  readonly ghostPid: number;
}

export async function runInChromium(request: StageRequest, options: StageOptions): Promise<StageResult> {
  const { pageUrl, ghostPid } = options;
  return withChromium(options, async (chromium) => {
    const page = await chromium.open(pageUrl, "'runStage' in window");
    await chromium.evaluate(page, `prepareStage(${JSON.stringify(request)})`);
    const processes = () => processTree(chromium.pid);
    const endSampling = sampleMemory(() => chromium.heapBytes(), processes);
    const cpuBefore = [cpuSeconds(processes()), cpuSeconds([ghostPid])] as const;
    const done = await chromium.evaluate<WorkDone>(page, 'runStage()');
    const cpu = {
      loadSeconds: cpuSeconds(processes()) - cpuBefore[0],
      ghostSeconds: cpuSeconds([ghostPid]) - cpuBefore[1],
    };
    return { ...done, place: 'chromium', stage: request.stage, cpu, memory: await endSampling() };
  });
}
