/**
 * What a model's runs consist of, without a GPU: the forward pass is recorded by the lines that the engine records it with,
 * over buffers that are not there, and only the accounts are kept.
 */
import type { AdapterFacts } from '../../gpu/device.ts';
import { type At, type Cost, type DispatchRequest, type Grid, Recorder } from '../../gpu/plan.ts';
import { type ChosenVariants, kernelOptions } from '../../kernels/variants.ts';
import type { ModelConfig } from '../../model/config.ts';
import { forward, head } from '../../model/forward.ts';
import { type LayerPlan, scheduleLayers } from '../../model/irope.ts';
import { layOut } from '../../model/layout/layout.ts';
import { PlainJobs } from '../../model/layout/plain-jobs.ts';
import type { Model } from '../../model/model.ts';
import { Timeline } from '../../model/timeline.ts';
import { mapWeights } from '../../model/weights.ts';
import { int4Tensors } from './tensors.ts';

/** One dispatch of a run. */
export interface Entry {
  readonly label: string;
  readonly kernel: string;
  /** What it belongs to; undefined: embedding or head. */
  readonly layer: LayerPlan | undefined;
  readonly cost: Cost;
}

export interface Ledger {
  /** Bytes of weights on the GPU. */
  readonly weightBytes: number;
  /** What a run at `at` consists of; one row is a token, more are a block. */
  entries(at: At): Entry[];
}

export interface LedgerOptions {
  readonly facts: AdapterFacts;
  readonly contextLength: number;
  readonly chosen?: ChosenVariants | undefined;
}

/** Weights in int4 as `int4Tensors`. Throws `model_too_large` where a binding cannot hold them. */
export function openLedger(config: ModelConfig, { facts, contextLength, chosen }: LedgerOptions): Ledger {
  const maxBytes = Math.min(facts.maxBufferSize, facts.maxStorageBufferBindingSize);
  const { buffers, weights } = layOut(int4Tensors(config), { maxBytes }, new PlainJobs());
  const schedule = scheduleLayers(config);
  const model = {
    gpu: { device: nowhere(), facts },
    config,
    schedule,
    weights: mapWeights(weights, () => NOTHING),
    options: kernelOptions(facts, 'f32', chosen),
  } as unknown as Model; // what recording needs of it
  const timeline = new Timeline(model, { contextLength });
  const record = (size: 'token' | 'block', layer: LayerPlan | undefined): Account[] => {
    const account = new Accountant(layer);
    const ops = timeline.ops(account, size);
    forward(ops, { ...schedule, layers: layer ? [layer] : [] }, model.weights);
    const withoutEmbedding = account.requests.filter(({ request }) => !layer || !isEmbedding(request));
    if (layer) return withoutEmbedding;
    head(ops, model.weights);
    return account.requests;
  };
  const recordAll = (size: 'token' | 'block') =>
    [undefined, ...schedule.layers].flatMap((layer) => record(size, layer));
  const accounts = { token: recordAll('token'), block: recordAll('block') };
  return {
    weightBytes: buffers.reduce((sum, { size }) => sum + size, 0),
    entries: (at) => accounts[at.rows === 1 ? 'token' : 'block'].flatMap((account) => entryOf(account, at)),
  };
}

interface Account {
  readonly request: DispatchRequest;
  readonly layer: LayerPlan | undefined;
}

/** Keeps requests instead of making a plan of them. */
class Accountant extends Recorder {
  readonly requests: Account[] = [];
  readonly #layer: LayerPlan | undefined;

  constructor(layer: LayerPlan | undefined) {
    super();
    this.#layer = layer;
  }

  override dispatch(request: DispatchRequest): void {
    this.requests.push({ request, layer: this.#layer });
  }
}

function isEmbedding({ variant }: DispatchRequest): boolean {
  return variant.kernel.name.startsWith('embed');
}

function entryOf({ request, layer }: Account, at: At): Entry[] {
  const { variant, label = variant.kernel.name, grid, cost } = request;
  const size: Grid = typeof grid === 'function' ? grid(at) : grid;
  return size.includes(0) ? [] : [{ label, kernel: variant.kernel.name, layer, cost: cost(at) }];
}

const NOTHING = {} as GPUBuffer;

/** A device on which everything can be allocated and nothing is. */
function nowhere(): GPUDevice {
  const queue = { writeBuffer: () => {}, submit: () => {}, onSubmittedWorkDone: async () => {} };
  return { createBuffer: () => NOTHING, queue } as unknown as GPUDevice;
}
