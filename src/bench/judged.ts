/** Results with every share against the roofline that they have now, and a warning where something came out wrong. Pure. */
import type { BenchResults } from './results.ts';
import { type Roofs, shareOf } from './share.ts';

interface Timed {
  readonly seconds: number;
  readonly bytes: number;
  readonly flops: number;
  readonly share: number;
}

export function judged(results: BenchResults): BenchResults {
  const { roofline, kernels, model, trueSize } = results;
  const against = <T extends Timed>(list: readonly T[]): T[] => list.map((one) => withShare(one, roofline));
  const step = model?.step && { ...model.step, ops: against(model.step.ops) };
  return {
    ...results,
    kernels: against(kernels),
    model: model && { ...model, decode: against(model.decode), step },
    trueSize: trueSize && { ...trueSize, ops: against(trueSize.ops) },
    warnings: [...new Set([...results.warnings, ...errorsOf(results)])],
  };
}

function withShare<T extends Timed>(one: T, roofs: Roofs): T {
  return { ...one, share: shareOf(one, one.seconds, roofs) };
}

function errorsOf({ kernels, model }: BenchResults): string[] {
  const wrong = kernels.filter(({ correct }) => !correct);
  const named = wrong.map(({ kernel, case: name, error, bound }) => {
    return `${kernel} is wrong here (${name}: error ${error.toExponential(1)}, ${bound.toExponential(1)} allowed).`;
  });
  return model?.correct === false
    ? [...named, `${model.name} answers with other tokens than those stored with it.`]
    : named;
}
