/** One run beside another: how many times as fast each thing is. Pure. */
import type { BenchResults, KernelResult, PartialResults } from '../../bench/results.ts';
import { adapterName } from '../shared/adapter.ts';
import { groupByLabel, type LabelTime } from './step.ts';

/** Undefined where the other run has no such figure. */
export type Ratio = number | undefined;

/** Ratios of `ours` over another run: above 1 is faster here. Variants may differ; the work is the same. */
export class Comparison {
  readonly other: BenchResults;
  readonly #kernels: ReadonlyMap<string, KernelResult>;
  readonly #ops: ReadonlyMap<string, LabelTime>;

  constructor(other: BenchResults) {
    this.other = other;
    const slowestFirst = other.kernels.toSorted((a, b) => b.seconds - a.seconds);
    this.#kernels = new Map(slowestFirst.map((kernel) => [kernelKey(kernel), kernel]));
    this.#ops = new Map(groupByLabel(other.model?.step?.ops ?? []).map((op) => [op.label, op]));
  }

  /** Against the fastest variant there. */
  kernel(ours: KernelResult): Ratio {
    return faster(ours.seconds, this.#kernels.get(kernelKey(ours))?.seconds);
  }

  /** Only where both ran the same model. */
  prefill(ours: PartialResults, tokens: number): Ratio {
    const find = (results: PartialResults) => results.model?.prefill.find((one) => one.tokens === tokens)?.seconds;
    return this.#ofModel(ours, find);
  }

  decode(ours: PartialResults, context: number): Ratio {
    const find = (results: PartialResults) => results.model?.decode.find((one) => one.context === context)?.seconds;
    return this.#ofModel(ours, find);
  }

  op(ours: PartialResults, { label, seconds }: LabelTime): Ratio {
    if (!this.#isSameModel(ours)) return undefined;
    return faster(seconds, this.#ops.get(label)?.seconds);
  }

  trueSizeOp({ label, seconds }: LabelTime): Ratio {
    const others = groupByLabel(this.other.trueSize?.ops ?? []).find((op) => op.label === label);
    return faster(seconds, others?.seconds);
  }

  answer(ours: PartialResults): Ratio {
    return this.#ofModel(ours, ({ model }) => (model?.answer ? 1 / model.answer.tokensPerSecond : undefined));
  }

  scout(context: number, tokensPerSecond: number): Ratio {
    const other = this.other.scout?.decode.find((one) => one.context === context);
    return other && tokensPerSecond / other.tokensPerSecond;
  }

  #ofModel(ours: PartialResults, seconds: (results: PartialResults) => number | undefined): Ratio {
    return this.#isSameModel(ours) ? faster(seconds(ours), seconds(this.other)) : undefined;
  }

  #isSameModel({ model }: PartialResults): boolean {
    return model !== undefined && model.name === this.other.model?.name;
  }
}

/** What a run is called in a list: its adapter and its time. */
export function nameRun({ adapter, date }: Pick<BenchResults, 'adapter' | 'date'>): string {
  return `${adapterName(adapter)}, ${formatDate(date)}`;
}

/** `22 Nov 2026, 10:02`, in this machine's time zone. */
export function formatDate(date: string): string {
  return new Date(date).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
}

/** How many times as fast: the other's seconds over ours. */
export function faster(ours: number | undefined, others: number | undefined): Ratio {
  return ours === undefined || others === undefined || ours === 0 ? undefined : others / ours;
}

const kernelKey = ({ kernel, case: name }: KernelResult): string => `${kernel}: ${name}`;
