/** A run as a report: headlines, facts, tables in the order in which they are measured. Pure. */
import type { PartialResults } from '../../../bench/results.ts';
import type { Comparison, Ratio } from '../comparison.ts';
import { formatNumber, formatScaled, formatSeconds, formatShare } from '../units.ts';
import { kernelTable } from './kernels.ts';
import { factsOf, roofTable } from './machine.ts';
import { answerTable, modelTables, stepTable } from './model.ts';
import { curveTable, scoutTable, trueSizeTable } from './scout.ts';
import { isFilled, type Table } from './table.ts';

/** One figure that stands for a part of the run. */
export interface Headline {
  readonly name: string;
  /** Undefined: not measured yet. */
  readonly value?: string | undefined;
  readonly unit?: string | undefined;
  readonly detail?: string | undefined;
  readonly ratio?: Ratio;
}

export interface Report {
  readonly headlines: readonly Headline[];
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly warnings: readonly string[];
  readonly tables: readonly Table[];
  /** How the Scout estimate comes about, line by line. */
  readonly formula: readonly string[];
}

/** Whatever part of the results is there. */
export function reportOf(results: PartialResults, comparison?: Comparison): Report {
  const tables = [
    roofTable(results, comparison),
    kernelTable(results, comparison),
    scoutTable(results, comparison),
    ...modelTables(results, comparison),
    stepTable(results, comparison),
    trueSizeTable(results, comparison),
    curveTable(results),
    answerTable(results, comparison),
  ];
  return {
    headlines: headlinesOf(results, comparison),
    facts: factsOf(results),
    warnings: results.warnings ?? [],
    tables: tables.filter(isFilled),
    formula: results.scout?.formula ?? [],
  };
}

function headlinesOf(results: PartialResults, comparison: Comparison | undefined): Headline[] {
  const { roofline, model, scout } = results;
  const other = comparison?.other.roofline;
  const decode = model?.decode[0];
  const prefill = model?.prefill.toSorted((a, b) => a.seconds / a.tokens - b.seconds / b.tokens)[0];
  const estimate = scout?.decode[0];
  const part = (name: string, figure: Omit<Headline, 'name'> | undefined): Headline => ({ name, ...figure });
  return [
    part(
      'Memory',
      roofline && {
        ...split(formatScaled(roofline.readRate, 'B/s')),
        detail: 'read by the GPU',
        ratio: other && roofline.readRate / other.readRate,
      },
    ),
    part(
      'Arithmetic',
      roofline && {
        ...split(formatScaled(roofline.flopRate, 'FLOP/s')),
        detail: 'in f32',
        ratio: other && roofline.flopRate / other.flopRate,
      },
    ),
    part(
      'Prefill',
      prefill && {
        value: formatNumber(prefill.tokens / prefill.seconds),
        unit: 'tokens/s',
        detail: `prompt of ${prefill.tokens.toLocaleString('en')}`,
        ratio: comparison?.prefill(results, prefill.tokens),
      },
    ),
    part(
      'Decode',
      decode && {
        value: formatNumber(1 / decode.seconds),
        unit: 'tokens/s',
        detail: `${formatShare(decode.share)} of the roofline`,
        ratio: comparison?.decode(results, decode.context),
      },
    ),
    part(
      'Longest frame',
      model?.answer && { ...split(formatSeconds(model.answer.longestFrameSeconds)), detail: 'while an answer came' },
    ),
    part(
      'Full Scout',
      scout &&
        estimate && {
          value: formatNumber(estimate.tokensPerSecond),
          unit: 'tokens/s',
          detail: `estimated, context of ${estimate.context.toLocaleString('en')}${scout.fits === 'no' ? '; does not fit' : ''}`,
          ratio: comparison?.scout(estimate.context, estimate.tokensPerSecond),
        },
    ),
  ];
}

/** `43.2 GB/s` -> value and unit. */
function split(quantity: string): { value: string; unit: string } {
  const [value = '', unit = ''] = quantity.split(' ');
  return { value, unit };
}
