/** One stage in this process: the loader in the thread that uploads, Dawn below it. */
import { openDevice } from '../../gpu/device.ts';
import { type NodeGpuOptions, openNodeGpu } from '../../gpu/node.ts';
import { SourceReader } from '../../loader/loader.ts';
import { createNodeHashers } from '../../storage/cache/hasher.ts';
import { openSource } from '../../storage/open.ts';
import type { ModelSource } from '../../storage/source.ts';
import { prepareFill } from './fill.ts';
import { cpuSeconds } from './processes.ts';
import { sampleMemory } from './sampler.ts';
import { prepareFetch, prepareHash } from './solo.ts';
import { weightsFromMemory, withHashing } from './sources.ts';
import type { StageRequest, StageResult, Work } from './types.ts';

/** @param ghostPid the ghost's process; undefined where it is this one */
export async function runInNode(
  request: StageRequest,
  gpu: NodeGpuOptions,
  ghostPid: number | undefined,
): Promise<StageResult> {
  const work = await prepare(request, gpu);
  const ghost = ghostPid === undefined ? [] : [ghostPid];
  const cpuBefore = [cpuSeconds([process.pid]), cpuSeconds(ghost)] as const;
  const endSampling = sampleMemory(heapBytes, () => [process.pid]);
  const done = await work();
  const memory = await endSampling();
  const cpu = {
    loadSeconds: cpuSeconds([process.pid]) - cpuBefore[0],
    ghostSeconds: cpuSeconds(ghost) - cpuBefore[1],
  };
  return { ...done, place: 'node', stage: request.stage, cpu, memory };
}

async function prepare(request: StageRequest, options: NodeGpuOptions): Promise<Work> {
  if (request.stage === 'fetch') return prepareFetch(request);
  if (request.stage === 'hash') return prepareHash(request, await createNodeHashers());
  const { gpu } = await openNodeGpu(options);
  return prepareFill(await openDevice(gpu), new SourceReader(await sourceOf(request)));
}

async function sourceOf({ stage, url, files }: StageRequest): Promise<ModelSource> {
  const source = await openSource(url);
  if (stage === 'upload') return weightsFromMemory(source);
  return stage === 'gpu' ? source : withHashing(source, await createNodeHashers(), files);
}

function heapBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
