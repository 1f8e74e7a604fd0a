/** One stage in this process: the loader in threads of its own, Dawn below the one that uploads. */
import { openDevice } from '../../gpu/device.ts';
import { type NodeGpuOptions, openNodeGpu } from '../../gpu/node.ts';
import { SourceReader } from '../../loader/loader.ts';
import type { ModelReader } from '../../model/reader.ts';
import { createNodeHashers } from '../../storage/cache/hasher.ts';
import { openSource } from '../../storage/open.ts';
import { prepareFill } from './fill.ts';
import { cpuSeconds } from './processes.ts';
import { sampleMemory } from './sampler.ts';
import { prepareFetch, prepareHash } from './solo.ts';
import { weightsFromMemory } from './sources.ts';
import { heapBytes, openInThreads, type RunningThread, type StartThread } from './threads.ts';
import type { StageRequest, StageResult, Work } from './types.ts';

export interface NodeOptions {
  readonly gpu: NodeGpuOptions;
  /** The ghost's process; undefined where it is this one. */
  readonly ghostPid: number | undefined;
  readonly startThread: StartThread;
}

export async function runInNode(request: StageRequest, options: NodeOptions): Promise<StageResult> {
  const { work, threads } = await prepare(request, options);
  const ghost = options.ghostPid === undefined ? [] : [options.ghostPid];
  const cpuBefore = [cpuSeconds([process.pid]), cpuSeconds(ghost)] as const;
  const heap = () => threads.reduce((sum, thread) => sum + thread.heapBytes(), heapBytes());
  const endSampling = sampleMemory(heap, () => [process.pid]);
  const done = await work();
  const memory = await endSampling();
  const cpu = {
    loadSeconds: cpuSeconds([process.pid]) - cpuBefore[0],
    ghostSeconds: cpuSeconds(ghost) - cpuBefore[1],
  };
  return { ...done, place: 'node', stage: request.stage, cpu, memory };
}

interface Prepared {
  readonly work: Work;
  readonly threads: readonly RunningThread[];
}

async function prepare(request: StageRequest, { gpu, startThread }: NodeOptions): Promise<Prepared> {
  const { stage, url } = request;
  if (stage === 'fetch') return { work: prepareFetch(request), threads: [] };
  if (stage === 'hash') return { work: prepareHash(request, await createNodeHashers()), threads: [] };
  const fill = async (reader: ModelReader) => prepareFill(await openDevice((await openNodeGpu(gpu)).gpu), reader);
  if (stage === 'upload') {
    return { work: await fill(new SourceReader(weightsFromMemory(await openSource(url)))), threads: [] };
  }
  const { reader, threads } = openInThreads(request, startThread);
  return { work: await fill(reader), threads };
}
