/** A run that shows its insides, for comparisons with other implementations: `outrider check` and the tests use it. */
import { type Plan, Recorder } from '../gpu/plan.ts';
import type { KvDtype } from '../kernels/attention.ts';
import { forward } from './forward.ts';
import type { Model } from './model.ts';
import { Timeline } from './timeline.ts';

export interface ProbeResult {
  readonly logits: Float32Array; // [tokens, vocab]
  /** Residual stream after the embedding ('embed') and after each layer ('0', '1', ...). */
  readonly hidden: ReadonlyMap<string, Float32Array>; // [tokens, hidden]
  /** Per MoE layer, counted among MoE layers. */
  readonly routerLogits: readonly Float32Array[]; // [tokens, experts]
  readonly experts: readonly Uint32Array[]; // [tokens]
  readonly scores: readonly Float32Array[]; // [tokens]
}

export interface ProbeOptions {
  /** Most rows of a run; default the timeline's. */
  readonly blockRows?: number;
  /** Expert of every token, per MoE layer [tokens]: instead of the router's choice. */
  readonly forcedExperts?: readonly ArrayLike<number>[];
}

interface Tap {
  readonly cols: number;
  readonly buffer: GPUBuffer; // [maxRows, cols]
  values: Float32Array<ArrayBuffer>; // [tokens, cols]
}

export class Probe {
  readonly #timeline: Timeline;
  readonly #plans: { token: Plan; block: Plan };
  readonly #taps: ReadonlyMap<string, Tap>;

  /** @param contextLength tokens of the longest prompt */
  static async create(model: Model, contextLength: number, blockRows = 256, kvDtype?: KvDtype): Promise<Probe> {
    const timeline = new Timeline(model, { contextLength, kvDtype, blockRows, forcible: true });
    const { device } = model.gpu;
    const { config } = model;
    const taps = new Map<string, Tap>();
    const record = (size: 'token' | 'block') => {
      const recorder = new Recorder();
      const watch = (name: string, from: GPUBuffer) => {
        const cols = name.startsWith('router.')
          ? config.numLocalExperts
          : name.startsWith('routes.')
            ? 2
            : name === 'logits'
              ? config.vocabSize
              : config.hiddenSize;
        let tap = taps.get(name);
        if (!tap) {
          const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
          tap = {
            cols,
            buffer: device.createBuffer({ label: `tap ${name}`, size: timeline.activations.maxRows * cols * 4, usage }),
            values: new Float32Array(),
          };
          taps.set(name, tap);
        }
        const { buffer } = tap;
        if (from !== buffer) recorder.copy(from, buffer, ({ rows }) => rows * cols * 4);
        return buffer;
      };
      const ops = timeline.ops(recorder, size, watch);
      const { h, x, logits } = ops.activations;
      forward(ops, model.schedule, model.weights);
      ops.rmsNorm(h, model.weights.norm, x); // x [rows, hidden]
      if (!taps.has('logits'))
        taps.set('logits', {
          cols: config.vocabSize,
          buffer: device.createBuffer({
            label: 'all logits',
            size: timeline.activations.maxRows * config.vocabSize * 4,
            usage: logits.usage,
          }),
          values: new Float32Array(),
        });
      ops.allLogits(x, model.weights.lmHead, taps.get('logits')!.buffer); // [rows, vocab]
      return recorder.finish(device, model.pipelines, `probe ${size}`);
    };
    const [token, block] = await Promise.all([record('token'), record('block')]);
    return new Probe(timeline, { token, block }, taps);
  }

  private constructor(timeline: Timeline, plans: { token: Plan; block: Plan }, taps: ReadonlyMap<string, Tap>) {
    this.#timeline = timeline;
    this.#plans = plans;
    this.#taps = taps;
  }

  /** Runs a prompt from position 0. */
  async run(ids: ArrayLike<number>, options: ProbeOptions = {}): Promise<ProbeResult> {
    const { model, activations, pace, kv } = this.#timeline;
    const { queue } = model.gpu.device;
    for (const tap of this.#taps.values()) tap.values = new Float32Array(ids.length * tap.cols);
    for (const { start, end } of this.#timeline.cut(0, ids.length, options.blockRows)) {
      const rows = end - start;
      await kv.reserve(end);
      queue.writeBuffer(
        activations.ids,
        0,
        Uint32Array.from({ length: rows }, (_, row) => ids[start + row]!),
      );
      if (options.forcedExperts) this.#force(options.forcedExperts, start, rows);
      this.#timeline.writeState({
        position: start,
        rows,
        temperature: 0,
        top_p: 1,
        top_k: 0,
        min_p: 0,
        random: 0,
        force_routes: options.forcedExperts ? 1 : 0,
      });
      const plan = rows === 1 ? this.#plans.token : this.#plans.block;
      for (const submit of plan.encode({ position: start, rows }, pace.submitFlops)) await pace.submit(submit);
      await this.#collect(start, rows);
      if (model.gpu.failure) throw model.gpu.failure;
    }
    return this.#result(ids.length);
  }

  #force(forced: readonly ArrayLike<number>[], start: number, rows: number): void {
    const { activations, model } = this.#timeline;
    const words = new Uint32Array(forced.length * activations.maxRows); // [moeLayers, maxRows]
    forced.forEach((experts, layer) => {
      for (let row = 0; row < rows; row++) words[layer * activations.maxRows + row] = experts[start + row]!;
    });
    model.gpu.device.queue.writeBuffer(activations.forced, 0, words);
  }

  /** All taps through one readback. */
  async #collect(start: number, rows: number): Promise<void> {
    const { device } = this.#timeline.model.gpu;
    const taps = [...this.#taps.values()];
    const size = taps.reduce((sum, tap) => sum + rows * tap.cols * 4, 0);
    const readback = device.createBuffer({
      label: 'probe readback',
      size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const encoder = device.createCommandEncoder();
    let at = 0;
    for (const { buffer, cols } of taps) {
      encoder.copyBufferToBuffer(buffer, 0, readback, at, rows * cols * 4);
      at += rows * cols * 4;
    }
    device.queue.submit([encoder.finish()]);
    await readback.mapAsync(GPUMapMode.READ);
    const all = new Float32Array(readback.getMappedRange());
    at = 0;
    for (const { cols, values } of taps) {
      values.set(all.subarray(at, at + rows * cols), start * cols);
      at += rows * cols;
    }
    readback.destroy();
  }

  #result(tokens: number): ProbeResult {
    const values = (name: string) => this.#taps.get(name)!.values;
    const hidden = new Map(
      [...this.#taps].filter(([name]) => /^(embed|\d+)$/.test(name)).map(([name, tap]) => [name, tap.values]),
    );
    const layers = this.#timeline.model.config.moeLayers.map((_, index) => index);
    const routes = layers.map((layer) => values(`routes.${layer}`)); // [tokens, 2]: expert bits, score
    return {
      logits: values('logits'),
      hidden,
      routerLogits: layers.map((layer) => values(`router.${layer}`)),
      experts: routes.map((pairs) =>
        new Uint32Array(pairs.buffer).filter((_, index) => index % 2 === 0).slice(0, tokens),
      ),
      scores: routes.map((pairs) => pairs.filter((_, index) => index % 2 === 1).slice(0, tokens)),
    };
  }
}
