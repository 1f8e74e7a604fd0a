/** A model's part of the bench: load, prompts, decoding at several contexts, one step taken apart, and whether it is right. */
import type { ChosenVariants } from '../../kernels/variants.ts';
import type { ModelReader } from '../../model/reader.ts';
import type { Lab } from '../lab.ts';
import type { BenchProgress, DecodeResult, ModelResult, StepProfile } from '../results.ts';
import type { Roofs } from '../share.ts';
import type { TimingOptions } from '../timing.ts';
import { type BenchedModel, type ExpectedIds, loadForBench } from './load.ts';
import { countParameters } from './parameters.ts';
import { replay } from './replay.ts';
import { GREEDY, greedyIds, timeDecode, timePrefill } from './runs.ts';

export interface ModelBenchOptions {
  readonly quick: boolean;
  readonly variants?: ChosenVariants | undefined;
  readonly roofs: Roofs;
  readonly timing: TimingOptions;
  readonly signal: AbortSignal;
  readonly onProgress: (phase: BenchProgress['phase'], text: string, done: number) => void;
  /** The variants that the model runs with. */
  readonly onChosen: (chosen: ChosenVariants) => void;
  /** After each figure. */
  readonly onResult: (result: ModelResult) => void;
}

const LENGTHS = {
  quick: { prefill: [64], decode: [64], steps: 8, samples: 1 },
  full: { prefill: [64, 256, 1024, 4096], decode: [128, 1024, 4000], steps: 24, samples: 5 },
};
/** A longer prompt is left out where it would take longer than this by what the one before took. */
const PATIENCE_SECONDS = 30;
/** One sample is enough for what takes longer. */
const LONG_SECONDS = 4;
const CHECKED_IDS = 16;

/** Throws the signal's reason, and what loading a model throws. */
export async function benchModel(lab: Lab, reader: ModelReader, options: ModelBenchOptions): Promise<ModelResult> {
  const { quick, signal, variants, onProgress } = options;
  const lengths = quick ? LENGTHS.quick : LENGTHS.full;
  const contextLength = Math.max(...lengths.prefill, ...lengths.decode) + lengths.steps + 1;
  const benched = await loadForBench(lab.gpu, reader, {
    contextLength,
    variants,
    signal,
    onProgress: (share) => onProgress('load', `${Math.round(share * 100)} % of the weights`, share),
  });
  const { model } = benched;
  const { matvec, matmul, attention } = model.variants;
  options.onChosen({ matvec: matvec.name, matmul: matmul.name, attention: attention.name });
  return new ModelBench(lab, benched, options).run(lengths);
}

class ModelBench {
  readonly #lab: Lab;
  readonly #benched: BenchedModel;
  readonly #options: ModelBenchOptions;
  #result: ModelResult;

  constructor(lab: Lab, benched: BenchedModel, options: ModelBenchOptions) {
    this.#lab = lab;
    this.#benched = benched;
    this.#options = options;
    const { name, model } = benched;
    this.#result = {
      name,
      parameters: countParameters(model.weights, model.config),
      weightBytes: model.bytes.weights,
      prefill: [],
      decode: [],
      step: undefined,
      answer: undefined,
      correct: undefined,
    };
  }

  async run({ prefill, decode, steps, samples }: (typeof LENGTHS)['full']): Promise<ModelResult> {
    const { runner, expected } = this.#benched;
    if (expected) this.#report({ correct: await this.#isRight(expected) });
    const fits = (tokens: number) => tokens + steps < runner.contextLength;
    await this.#prefills(prefill.filter(fits), samples);
    const contexts = decode.filter(fits);
    await this.#decodes(contexts, steps, samples);
    const middle = this.#result.decode[Math.floor(contexts.length / 2)];
    if (middle) this.#report({ step: await this.#step(middle) });
    return this.#result;
  }

  async #prefills(lengths: readonly number[], samples: number): Promise<void> {
    const { onProgress, signal } = this.#options;
    for (const [index, tokens] of lengths.entries()) {
      const before = this.#result.prefill.at(-1);
      const guess = before ? (before.seconds * tokens) / before.tokens : 0;
      if (guess > PATIENCE_SECONDS) break;
      onProgress('prefill', `a prompt of ${tokens} tokens`, index / lengths.length);
      const count = guess > LONG_SECONDS ? 1 : samples;
      const result = await timePrefill(this.#benched.runner, tokens, { samples: count, signal });
      this.#report({ prefill: [...this.#result.prefill, result] });
    }
  }

  async #decodes(contexts: readonly number[], steps: number, samples: number): Promise<void> {
    const { onProgress, signal, roofs } = this.#options;
    for (const [index, context] of contexts.entries()) {
      onProgress('decode', `${steps} tokens after ${context}`, index / contexts.length);
      const result = await timeDecode(this.#benched.runner, context, steps, roofs, { samples, signal });
      this.#report({ decode: [...this.#result.decode, result] });
    }
  }

  async #step({ context, seconds: stepSeconds }: DecodeResult): Promise<StepProfile> {
    const { onProgress, roofs, timing } = this.#options;
    const { runner } = this.#benched;
    await runner.step(context, GREEDY);
    const onOp = (label: string, done: number) => onProgress('step', label, done);
    const dispatches = runner.dispatches({ position: context, rows: 1 });
    const ops = await replay(this.#lab.timer, dispatches, roofs, { ...timing, onOp });
    const sumSeconds = ops.reduce((sum, { seconds }) => sum + seconds, 0);
    return { context, ops, sumSeconds, stepSeconds, timedBy: this.#lab.timer.timedBy };
  }

  /** The stored ids end before the first near tie. */
  async #isRight({ inputIds, greedyIds: wanted }: ExpectedIds): Promise<boolean | undefined> {
    const count = Math.min(CHECKED_IDS, wanted.length);
    const { runner } = this.#benched;
    if (inputIds.length + count > runner.contextLength) return undefined;
    const found = await greedyIds(runner, inputIds, count);
    return found.every((id, index) => id === wanted[index]);
  }

  #report(more: Partial<ModelResult>): void {
    this.#result = { ...this.#result, ...more };
    this.#options.onResult(this.#result);
  }
}
