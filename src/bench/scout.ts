/** What an adapter would do with full Scout in int4, from the rates that its kernels reach here: the formula, line by line. */
import { OutriderError } from '../errors.ts';
import type { AdapterFacts } from '../gpu/device.ts';
import type { Cost } from '../gpu/plan.ts';
import type { ChosenVariants } from '../kernels/variants.ts';
import { scheduleLayers } from '../model/irope.ts';
import { kvRegions } from '../model/memory/kv.ts';
import type { Roofline, ScoutEstimate } from './results.ts';
import { sumCost } from './share.ts';
import { scoutConfig } from './synthetic/configs.ts';
import { type Entry, type Ledger, openLedger } from './synthetic/ledger.ts';

/** What a kernel reached: bytes and operations of its cases over their seconds. */
export interface Rate extends Cost {
  readonly seconds: number;
}

/** Kernels whose rates decide. */
export interface MeasuredRates {
  /** int4 matvec. */
  readonly weights: Rate;
  /** Attention of one token. */
  readonly keys: Rate;
  /** int4 matmul. */
  readonly block: Rate;
  /** Attention of a block. */
  readonly blockKeys: Rate;
}

export interface ScoutRequest {
  readonly facts: AdapterFacts;
  readonly chosen?: ChosenVariants | undefined;
  readonly roofline: Roofline;
  readonly rates: MeasuredRates;
}

const CONTEXTS = [1024, 8192, 32768, 131072];
/** Rows of a block on a GPU. */
const BLOCK_ROWS = 512;
const KV_TYPE = 'f32';

export function estimateScout({ facts, chosen, roofline, rates }: ScoutRequest): ScoutEstimate {
  const contextLength = CONTEXTS.at(-1)!;
  let ledger: Ledger;
  try {
    ledger = openLedger(scoutConfig(), { facts, contextLength, chosen });
  } catch (error) {
    if (!(error instanceof OutriderError && error.code === 'model_too_large')) throw error;
    return { fits: 'no', decode: [], prefillTokensPerSecond: 0, formula: [error.message] };
  }
  const steps = CONTEXTS.map((context) => decodeStep(ledger, context, roofline, rates));
  const prefill = prefillBlock(ledger, roofline, rates);
  const memory = CONTEXTS.map((context) => `${giga(kvBytes(facts, context))} GB for ${context} tokens`);
  return {
    fits: 'unknown',
    decode: steps.map(({ context, seconds }) => ({ context, tokensPerSecond: 1 / seconds })),
    prefillTokensPerSecond: BLOCK_ROWS / prefill.seconds,
    formula: [
      `memory: ${giga(ledger.weightBytes)} GB of weights (int4, groups of 128), and of keys and values (${KV_TYPE}) ${memory.join(', ')}`,
      `weights: an int4 matvec reads ${giga(byteRate(rates.weights))} GB/s here, ${percent(byteRate(rates.weights) / roofline.readRate)} of the read roofline`,
      `keys and values: attention reads ${giga(byteRate(rates.keys))} GB/s here; a dispatch costs ${micro(roofline.dispatchSeconds)} us; what is left is read at ${giga(roofline.readRate)} GB/s`,
      ...steps.flatMap(({ lines }) => lines),
      ...prefill.lines,
    ],
  };
}

interface Parts {
  readonly weights: readonly Entry[];
  readonly keys: readonly Entry[];
  readonly rest: readonly Entry[];
}

function partsOf(entries: readonly Entry[]): Parts {
  const isWeights = ({ kernel }: Entry) => /^mat(vec|mul)/.test(kernel);
  const isKeys = ({ kernel }: Entry) => kernel.startsWith('attention');
  return {
    weights: entries.filter(isWeights),
    keys: entries.filter(isKeys),
    rest: entries.filter((entry) => !isWeights(entry) && !isKeys(entry)),
  };
}

function decodeStep(ledger: Ledger, context: number, { readRate, dispatchSeconds }: Roofline, rates: MeasuredRates) {
  const entries = ledger.entries({ position: context - 1, rows: 1 });
  const parts = partsOf(entries);
  const [weights, keys, rest] = [parts.weights, parts.keys, parts.rest].map((part) => sumCost(part).bytes);
  const seconds =
    weights! / byteRate(rates.weights) +
    keys! / byteRate(rates.keys) +
    rest! / readRate +
    entries.length * dispatchSeconds;
  const line =
    `a token at ${context}: ${giga(weights!)} GB / ${giga(byteRate(rates.weights))} + ${giga(keys!)} GB / ${giga(byteRate(rates.keys))}` +
    ` + ${giga(rest!)} GB / ${giga(readRate)} + ${entries.length} dispatches x ${micro(dispatchSeconds)} us` +
    ` = ${short(seconds)} s, ${short(1 / seconds)} tokens/s`;
  return { context, seconds, lines: [line] };
}

/** The second block of a prompt. */
function prefillBlock(ledger: Ledger, { readRate, dispatchSeconds }: Roofline, rates: MeasuredRates) {
  const entries = ledger.entries({ position: BLOCK_ROWS, rows: BLOCK_ROWS });
  const parts = partsOf(entries);
  const [weights, keys] = [sumCost(parts.weights).flops, sumCost(parts.keys).flops];
  const rest = sumCost(parts.rest).bytes;
  const seconds =
    weights / flopRate(rates.block) +
    keys / flopRate(rates.blockKeys) +
    rest / readRate +
    entries.length * dispatchSeconds;
  const line =
    `${BLOCK_ROWS} tokens of a prompt: ${tera(weights)} TFLOP / ${tera(flopRate(rates.block))} (int4 matmul) + ${tera(keys)} TFLOP / ${tera(flopRate(rates.blockKeys))} (attention)` +
    ` + ${giga(rest)} GB / ${giga(readRate)} + ${entries.length} dispatches = ${short(seconds)} s, ${short(BLOCK_ROWS / seconds)} tokens/s`;
  return { seconds, lines: [line] };
}

function kvBytes({ maxStorageBufferBindingSize: maxBinding }: AdapterFacts, contextLength: number): number {
  const config = scoutConfig();
  const perToken = 2 * config.numKeyValueHeads * config.headDim * 4;
  const regions = kvRegions(config, scheduleLayers(config), { contextLength, kvDtype: KV_TYPE, maxBinding });
  return regions.flat().reduce((sum, { slots }) => sum + slots * perToken, 0);
}

const byteRate = ({ bytes, seconds }: Rate) => bytes / seconds;
const flopRate = ({ flops, seconds }: Rate) => flops / seconds;
const giga = (value: number) => short(value / 1e9);
const tera = (value: number) => short(value / 1e12);
const micro = (seconds: number) => short(seconds * 1e6);
const percent = (share: number) => `${(share * 100).toFixed(0)} %`;

/** Three digits, without an exponent where the number is of a usual size. */
function short(value: number): string {
  return `${Number(value.toPrecision(3))}`;
}
