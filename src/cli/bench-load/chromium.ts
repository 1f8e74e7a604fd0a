/** One stage in headless Chromium, in a profile of its own on disk. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Chromium } from './cdp.ts';
import { cpuSeconds, processTree } from './processes.ts';
import { sampleMemory } from './sampler.ts';
import type { StageRequest, StageResult, WorkDone } from './types.ts';

export interface ChromiumOptions {
  readonly executable: string;
  /** `swiftshader`, or what else --use-webgpu-adapter takes. */
  readonly adapter: string;
  /** Where the bench's page is. */
  readonly pageUrl: string;
  /** The ghost's process. */
  readonly ghostPid: number;
}

export async function runInChromium(request: StageRequest, options: ChromiumOptions): Promise<StageResult> {
  const { executable, adapter, pageUrl, ghostPid } = options;
  const profile = await mkdtemp(join(tmpdir(), 'outrider-bench-load-'));
  const chromium = await Chromium.launch(executable, [
    '--headless=new',
    '--no-sandbox', // it refuses to start as root with one
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--enable-unsafe-webgpu',
    '--enable-unsafe-swiftshader',
    `--use-webgpu-adapter=${adapter}`,
    `--user-data-dir=${profile}`,
  ]);
  try {
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
  } finally {
    await chromium.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
