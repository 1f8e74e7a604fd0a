/** A model on the bench's device, from a source or made by procedure. */
import { parseJson } from '../../checkpoint/json.ts';
import type { Gpu } from '../../gpu/device.ts';
import { GpuRunner } from '../../model/gpu-runner.ts';
import { chooseContextLength } from '../../model/memory/timeline.ts';
import { allocateModel, fillWeights, type Model } from '../../model/model.ts';
import type { ModelReader } from '../../model/reader.ts';
import type { VariantsOption } from '../../model/tuning/tuning.ts';

/** A prompt and what greedy decoding makes of it. */
export interface ExpectedIds {
  readonly inputIds: readonly number[];
  readonly greedyIds: readonly number[];
}

export interface BenchedModel {
  readonly name: string;
  readonly model: Model;
  readonly runner: GpuRunner;
  /** What lies beside the model; undefined where nothing does. */
  readonly expected: ExpectedIds | undefined;
}

export interface LoadOptions {
  /** Most tokens of context that are wanted. */
  readonly contextLength: number;
  readonly variants?: VariantsOption | undefined;
  readonly signal: AbortSignal;
  /** 0 .. 1 of the weights. */
  readonly onProgress: (share: number) => void;
}

const MAX_EXPECTED_BYTES = 1 << 20;

/** Loads onto the device that is there, and closes the reader. Throws what loading a model throws. */
export async function loadForBench(gpu: Gpu, reader: ModelReader, options: LoadOptions): Promise<BenchedModel> {
  const { signal, variants, onProgress } = options;
  try {
    const { config } = await reader.inspect({ signal });
    const model = await allocateModel(gpu, reader, config, { variants, signal });
    await fillWeights(model, reader, { signal, onProgress: (loaded) => onProgress(loaded / model.bytes.read) });
    const contextLength = Math.min(options.contextLength, chooseContextLength(undefined, config));
    const runner = await GpuRunner.create(model, { contextLength });
    const text = await reader.readText('expected.json', MAX_EXPECTED_BYTES, { signal });
    return { name: nameOf(reader.label), model, runner, expected: text === undefined ? undefined : firstCase(text) };
  } finally {
    await reader.close();
  }
}

/** The last part of an address. */
function nameOf(label: string): string {
  return label.split(/[/\\]/).filter(Boolean).at(-1) ?? label;
}

/** The form of `outrider check`: `{ cases: [{ input_ids, greedy_ids }] }`. */
function firstCase(text: string): ExpectedIds | undefined {
  const { cases } = parseJson(text, 'expected.json') as { cases?: { input_ids?: number[]; greedy_ids?: number[] }[] };
  const { input_ids: inputIds, greedy_ids: greedyIds } = cases?.[0] ?? {};
  return inputIds && greedyIds ? { inputIds, greedyIds } : undefined;
}
