/**
 * The operations of the forward pass, bound to one size class: each call appends dispatches to the plan that is being
 * recorded. One token takes matvecs and splits attention over the keys; a block takes matmuls and carries one partial.
 */
import type { Recorder } from '../gpu/plan.ts';
import { attention } from '../kernels/attention.ts';
import { embed } from '../kernels/embed.ts';
import { groupByExpert } from '../kernels/expert-tiles.ts';
import { type LinearRequest, matmul, matvec, type Routing } from '../kernels/linear.ts';
import type { GpuMatrix } from '../kernels/matrix.ts';
import { rmsNorm } from '../kernels/rms-norm.ts';
import { ropeAndStore } from '../kernels/rope-kv.ts';
import { route } from '../kernels/router.ts';
import { sample } from '../kernels/sample.ts';
import type { KernelOptions } from '../kernels/variants.ts';
import type { Activations, Tables } from './activations.ts';
import type { ModelConfig } from './config.ts';
import type { LayerPlan } from './irope.ts';
import type { KvCache } from './kv-cache.ts';

type Epilogue = NonNullable<LinearRequest['epilogue']>;

export interface OpsContext {
  readonly recorder: Recorder;
  readonly options: KernelOptions;
  readonly config: ModelConfig;
  readonly activations: Activations;
  readonly tables: Tables;
  readonly kv: KvCache;
  /** 'token': runs of one row. */
  readonly size: 'token' | 'block';
  /** Ids that the tokenizer knows. */
  readonly numTokens: number;
  /** Called where a comparison may look at an activation. */
  readonly onTap?: ((name: string, buffer: GPUBuffer) => void) | undefined;
}

export class Ops {
  readonly activations: Activations;
  readonly #context: OpsContext;
  readonly #routing: Routing;
  #moeLayers = 0;

  constructor(context: OpsContext) {
    this.#context = context;
    this.activations = context.activations;
    const { routes, order, tiles } = context.activations;
    this.#routing = { routes, order, tiles };
  }

  embed(ids: GPUBuffer, table: GpuMatrix, h: GPUBuffer): void {
    embed(this.#context.recorder, { ids, table, h });
  }

  rmsNorm(x: GPUBuffer, weight: GPUBuffer, y: GPUBuffer): void {
    this.#norm(x, weight, y, false);
  }

  /** Only the newest row of x, into row 0 of y. */
  rmsNormLast(x: GPUBuffer, weight: GPUBuffer, y: GPUBuffer): void {
    this.#norm(x, weight, y, true);
  }

  linear(x: GPUBuffer, matrix: GpuMatrix, y: GPUBuffer, epilogue: Epilogue = 'store'): void {
    this.#linear({ x, matrix, y, epilogue });
  }

  /** Several matrices over one x, their outputs side by side in y. */
  linears(x: GPUBuffer, matrices: readonly GpuMatrix[], y: GPUBuffer): void {
    const yCols = matrices.reduce((sum, matrix) => sum + matrix.outputs, 0);
    let yAt = 0;
    for (const matrix of matrices) {
      this.#linear({ x, matrix, y, yAt, yCols });
      yAt += matrix.outputs;
    }
  }

  ropeAndStore(qkv: GPUBuffer, layer: LayerPlan): void {
    const { recorder, config, kv, tables, activations } = this.#context;
    const table = layer.rope ? tables.rope : layer.temperature ? tables.temperature : tables.ones;
    ropeAndStore(recorder, {
      state: activations.state,
      table: table.buffer,
      tableRows: table.rows,
      qkv,
      shape: kv.shape(layer.index),
      rope: layer.rope,
      qkNorm: layer.qkNorm,
      eps: config.rmsNormEps,
      regions: kv.regions(layer.index),
    });
  }

  attention(qkv: GPUBuffer, layer: LayerPlan, y: GPUBuffer): void {
    const { recorder, kv, activations, size } = this.#context;
    const { state, partials, maxPartials, piece } = activations;
    const shape = kv.shape(layer.index);
    const split = size === 'token' ? { piece, maxPartials } : { piece: undefined, maxPartials: 1 };
    attention(recorder, { state, qkv, partials, y, shape, regions: kv.regions(layer.index), ...split });
  }

  /** The router's logits, its choice, and (for a block) the grouping that the experts' matmuls go by. */
  route(x: GPUBuffer, router: GpuMatrix, routes: GPUBuffer): void {
    const { recorder, activations, config, size } = this.#context;
    const { state, routerLogits, forced, record, maxRows } = activations;
    const { numLocalExperts: numExperts } = config;
    this.linear(x, router, routerLogits);
    const layer = this.#moeLayers++;
    this.tap(`router.${layer}`, routerLogits);
    route(recorder, { state, logits: routerLogits, forced, routes, record, numExperts, layer, maxRows });
    this.tap(`routes.${layer}`, routes);
    if (size === 'block') groupByExpert(recorder, { state, routing: this.#routing, numExperts, maxRows });
  }

  /** Logits of row 0 of x. */
  logits(x: GPUBuffer, lmHead: GpuMatrix, logits: GPUBuffer): void {
    const { recorder, options, activations } = this.#context;
    matvec(recorder, options, { state: activations.state, routing: this.#routing, x, matrix: lmHead, y: logits });
  }

  sample(logits: GPUBuffer): void {
    const { recorder, activations, numTokens } = this.#context;
    const { state, ids, record } = activations;
    sample(recorder, { state, logits, ids, record, numTokens });
  }

  tap(name: string, buffer: GPUBuffer): void {
    this.#context.onTap?.(name, buffer);
  }

  border(): void {
    this.#context.recorder.border();
  }

  #norm(x: GPUBuffer, weight: GPUBuffer, y: GPUBuffer, lastRow: boolean): void {
    const { recorder, config, activations } = this.#context;
    rmsNorm(recorder, {
      state: activations.state,
      x,
      weight,
      y,
      cols: config.hiddenSize,
      eps: config.rmsNormEps,
      lastRow,
    });
  }

  #linear(request: Omit<LinearRequest, 'state' | 'routing'>): void {
    const { recorder, options, activations, size } = this.#context;
    const whole = { ...request, state: activations.state, routing: this.#routing };
    if (size === 'token') matvec(recorder, options, whole);
    else matmul(recorder, options, whole);
  }
}
