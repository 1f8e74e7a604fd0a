/** The whole bench: what an adapter can do, what the kernels make of it, and what a model then does. In a worker, or in Node. */
import { version } from '../../package.json';
import { type AdapterFacts, type Gpu, openDevice } from '../gpu/device.ts';
import { type ChosenVariants, kernelOptions } from '../kernels/variants.ts';
import { CURVES, measureCurves } from './curves/curves.ts';
import { judged } from './judged.ts';
import { benchKernel, type KernelSubject, kernelSubjects } from './kernels/kernels.ts';
import { Lab } from './lab.ts';
import { benchModel } from './model/model.ts';
import { ratesOf } from './rates.ts';
import {
  type BenchProgress,
  type BenchRequest,
  type BenchResults,
  type PartialResults,
  RESULTS_VERSION,
} from './results.ts';
import { better, measureRoofline } from './roofline.ts';
import { estimateScout } from './scout.ts';
import { measureTrueSize } from './true-size.ts';

const TIMING = { quick: { seconds: 0.05, samples: 3, repeats: 10 }, full: { seconds: 0.25, samples: 3, repeats: 50 } };
const ROOFLINE_BYTES = { quick: 128 << 20, full: 256 << 20 };

/** Limits that decide about kernels. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
] as const;

/**
 * Runs everything that is asked for on one device of its own, which is destroyed afterwards.
 * Throws the signal's reason, `webgpu_unavailable`, `device_lost`, `gpu_out_of_memory`, and what loading a model throws; what
 * was measured until then has been reported.
 */
export async function runBench(gpu: GPU | undefined, request: BenchRequest): Promise<BenchResults> {
  request.signal.throwIfAborted();
  const device = await openDevice(gpu, { timestamps: true });
  try {
    return await new Run(device, request).run();
  } catch (error) {
    throw device.failure ?? error;
  } finally {
    device.destroy();
  }
}

class Run {
  readonly #lab: Lab;
  readonly #request: BenchRequest;
  readonly #parts: Parts;
  #results: BenchResults;

  constructor(gpu: Gpu, request: BenchRequest) {
    this.#lab = new Lab(gpu);
    this.#request = request;
    this.#parts = new Parts(request);
    this.#results = {
      version: RESULTS_VERSION,
      date: new Date().toISOString(),
      outrider: version,
      userAgent: globalThis.navigator?.userAgent ?? 'Node',
      adapter: gpu.facts,
      limits: Object.fromEntries(LIMITS.map((name) => [name, gpu.device.limits[name]])),
      variants: variantsOf(gpu.facts, request.variants),
      warnings: gpu.facts.software ? [`${gpu.facts.description || 'This adapter'} computes on the CPU.`] : [],
      roofline: { readRate: 0, readBytes: 0, flopRate: 0, dispatchSeconds: 0, roundTripSeconds: 0 },
      kernels: [],
      model: undefined,
      scout: undefined,
      curves: undefined,
      trueSize: undefined,
    };
  }

  async run(): Promise<BenchResults> {
    const { kernels = true, curves, trueSize, model } = this.#request;
    this.#say('start', 'what the adapter is', 1);
    this.#report({}, false);
    await this.#roofline();
    if (kernels) await this.#kernels();
    if (model !== undefined) await this.#model(model);
    if (trueSize) await this.#trueSize();
    if (curves) await this.#curves();
    // On a machine that does other things beside, the roofline is the better of two.
    const again = { bytes: this.#readBytes, samples: 2, signal: this.#request.signal };
    const after = await measureRoofline(this.#lab, again);
    this.#report({ roofline: better(this.#results.roofline, after) });
    return this.#results;
  }

  get #readBytes(): number {
    return this.#request.quick ? ROOFLINE_BYTES.quick : ROOFLINE_BYTES.full;
  }

  get #timing() {
    return { ...(this.#request.quick ? TIMING.quick : TIMING.full), signal: this.#request.signal };
  }

  async #roofline(): Promise<void> {
    this.#say('roofline', `reads of ${this.#readBytes >> 20} MiB, operations, dispatches`, 0);
    this.#report({
      roofline: await measureRoofline(this.#lab, { bytes: this.#readBytes, signal: this.#request.signal }),
    });
  }

  async #kernels(): Promise<void> {
    const { quick, everyVariant = false } = this.#request;
    const { variants: chosen, adapter } = this.#results;
    const subjects = kernelSubjects(this.#lab, { chosen, every: everyVariant, quick });
    const measured: [KernelSubject, BenchResults['kernels'][number]][] = [];
    for (const [index, subject] of subjects.entries()) {
      this.#say('kernels', `${subject.family}: ${subject.case} (${subject.variant})`, index / subjects.length);
      const result = await benchKernel(this.#lab, subject, this.#results.roofline, this.#timing);
      measured.push([subject, result]);
      this.#report({ kernels: measured.map(([, one]) => one) });
    }
    const { roofline } = this.#results;
    const rates = ratesOf(measured, chosen);
    if (rates) this.#report({ scout: estimateScout({ facts: adapter, chosen, roofline, rates }) });
  }

  async #model(open: NonNullable<BenchRequest['model']>): Promise<void> {
    const { quick, signal, variants } = this.#request;
    await benchModel(this.#lab, await open(), {
      quick,
      signal,
      variants,
      roofs: this.#results.roofline,
      timing: this.#timing,
      onProgress: (phase, text, done) => this.#say(phase, text, done),
      onChosen: (chosen) => this.#report({ variants: chosen }),
      onResult: (model) => this.#report({ model }),
    });
  }

  async #trueSize(): Promise<void> {
    const { variants } = this.#request;
    const onOp = (label: string, done: number) => this.#say('true-size', label, done);
    this.#say('true-size', 'two layers of Scout', 0);
    this.#report({
      trueSize: await measureTrueSize(this.#lab, this.#results.roofline, { ...this.#timing, onOp, variants }),
    });
  }

  async #curves(): Promise<void> {
    const onProgress = (text: string, done: number) => this.#say('curves', text, done);
    const { signal } = this.#request;
    this.#report({ curves: await measureCurves(this.#lab, { ...CURVES, signal, onProgress }) });
  }

  #say(phase: BenchProgress['phase'], text: string, done: number): void {
    this.#request.onProgress({ phase, text, done: this.#parts.done(phase, done) });
  }

  #report(more: Partial<BenchResults>, judge = true): void {
    this.#results = { ...this.#results, ...more };
    if (judge) this.#results = judged(this.#results);
    const { roofline, ...rest } = this.#results;
    this.#request.onResults((judge ? this.#results : rest) as PartialResults);
  }
}

/** What is asked for, else the best guess of each family. Throws `invalid_request` for what the adapter does not have. */
function variantsOf(facts: AdapterFacts, wanted: ChosenVariants | undefined): Required<ChosenVariants> {
  const { matvec, matmul, attention } = kernelOptions(facts, 'f32', wanted);
  return { matvec: matvec.name, matmul: matmul.name, attention: attention.name };
}

/** How much of a run each phase takes, about, of those that are asked for. */
const SHARES: Readonly<Record<BenchProgress['phase'], number>> = {
  start: 0.01,
  roofline: 0.04,
  kernels: 0.4,
  load: 0.05,
  prefill: 0.15,
  decode: 0.1,
  step: 0.1,
  'true-size': 0.4,
  curves: 0.5,
};

class Parts {
  readonly #starts = new Map<string, readonly [number, number]>();

  constructor({ kernels = true, model, trueSize = false, curves = false }: BenchRequest) {
    const asked: Partial<Record<string, boolean>> = { kernels, 'true-size': trueSize, curves };
    for (const phase of ['load', 'prefill', 'decode', 'step']) asked[phase] = model !== undefined;
    const phases = Object.entries(SHARES).filter(([phase]) => asked[phase] !== false);
    const all = phases.reduce((sum, [, share]) => sum + share, 0);
    let start = 0;
    for (const [phase, share] of phases) {
      this.#starts.set(phase, [start / all, share / all]);
      start += share;
    }
  }

  /** 0 .. 1 of the whole. */
  done(phase: string, part: number): number {
    const [start, share] = this.#starts.get(phase)!;
    return start + share * part;
  }
}
