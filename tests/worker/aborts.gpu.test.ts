/**
 * Aborts at random points of the real model, over the worker's protocol: the next answer equals the undisturbed one, and the GPU
 * holds what it held before. `OUTRIDER_ABORTS=1000` makes as many; an ordinary run ends answers in every way five times.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTextEngine } from '../../src/engine/create.ts';
import type { GenerateRequest, TextEngine } from '../../src/engine/request.ts';
import { openNodeGpu } from '../../src/gpu/node.ts';
import { openReader } from '../../src/loader/local.ts';
import { serveReader } from '../../src/loader/serve.ts';
import { connectEngine } from '../../src/worker/client.ts';
import { modelFolder } from '../browser/model-server.ts';
import { disturb, draws, textOf, WAYS } from './disturb.ts';
import { type FakeWorker, fakeWorker } from './fake-worker.ts';
import { type Watch, watchLeaks } from './watch.ts';

const ABORTS = Number(process.env.OUTRIDER_ABORTS ?? 5 * WAYS.length);
/** What is to come before the answer is over: of the ordinary twenty, ten. */
const SHARE = ABORTS < 100 ? 0.5 : 0.8;
/** An undisturbed answer takes longer, on any software adapter. */
const LATEST_MILLISECONDS = 250;

const ask = (content: string): GenerateRequest => ({
  prompt: { messages: [{ role: 'user', content }] },
  sampling: { temperature: 0 },
  maxTokens: 6,
});
const QUESTIONS = [ask('Tell me a story about a dragon.'), ask(`${'Once upon a time. '.repeat(8)}Go on.`)];

const buffers = new Set<GPUBuffer>();
let restore = () => {};
let watch: Watch;
let worker: FakeWorker;
let engine: TextEngine;

/** Keeps track of the buffers that were made and not destroyed. */
function watchBuffers(): () => void {
  const { createBuffer, destroy: destroyDevice } = GPUDevice.prototype;
  const { destroy } = GPUBuffer.prototype;
  GPUDevice.prototype.createBuffer = function (this: GPUDevice, descriptor: GPUBufferDescriptor) {
    const buffer = createBuffer.call(this, descriptor);
    buffers.add(buffer);
    return buffer;
  };
  GPUBuffer.prototype.destroy = function (this: GPUBuffer) {
    buffers.delete(this);
    return destroy.call(this);
  };
  GPUDevice.prototype.destroy = function (this: GPUDevice) {
    buffers.clear(); // they go with their device, and there is one
    return destroyDevice.call(this);
  };
  return () => {
    Object.assign(GPUDevice.prototype, { createBuffer, destroy: destroyDevice });
    GPUBuffer.prototype.destroy = destroy;
  };
}

beforeAll(async () => {
  const { gpu } = await openNodeGpu();
  restore = watchBuffers();
  watch = watchLeaks();
  worker = fakeWorker((reader, name, options) => createTextEngine(reader, name, { ...options, gpu }));
  const { port1, port2 } = new MessageChannel();
  serveReader(port1, await openReader(modelFolder));
  const model = { name: 'scoutling', label: modelFolder };
  engine = await connectEngine(worker.worker, model, { contextLength: 1024 }, worker.terminate, port2);
});
afterAll(() => {
  restore();
  watch?.restore();
});

it('aborts on the GPU leave the next answer as it was, and no buffer, port or listener', {
  timeout: 3_600_000,
}, async () => {
  const undisturbed: string[] = [];
  for (const question of QUESTIONS) undisturbed.push(await textOf(engine, question));
  const draw = draws(8);
  /** Keys and values of conversations that are kept aside on purpose are the engine's own account. */
  const held = async () => {
    const { bytes } = await engine.stats();
    const onGpu = [...buffers].reduce((sum, { size }) => sum + size, -bytes.parked);
    return { onGpu, ports: watch.openPorts(), listeners: watch.listeners() };
  };
  const settle = () => new Promise((resolve) => setTimeout(resolve, 50));
  let before: Awaited<ReturnType<typeof held>> | undefined;
  let aborted = 0;
  for (let done = 0; done < ABORTS; done++) {
    const way = WAYS[done % WAYS.length]!;
    const [request, first] = draw(2) ? QUESTIONS : [...QUESTIONS].reverse();
    const wait = () => new Promise<void>((resolve) => setTimeout(resolve, draw(LATEST_MILLISECONDS)));
    const long = { ...request!, maxTokens: 40 };
    const { outcome } = await disturb(engine, way, { request: long, first: first!, wait, maxItems: 1 + draw(5) });
    if (outcome === 'AbortError' || way === 'loop left') aborted++;
    const question = draw(QUESTIONS.length);
    expect(await textOf(engine, QUESTIONS[question]!), `after ${done}: ${way}`).toBe(undisturbed[question]);
    if (done === WAYS.length) {
      await settle();
      before = await held(); // every kind of request has been there once
    }
  }
  await settle();
  expect(aborted).toBeGreaterThanOrEqual(SHARE * ABORTS);
  expect(await held()).toEqual(before);
  await engine.unload();
  await settle();
  expect([buffers.size, watch.openPorts()]).toEqual([0, 0]);
});
