/**
 * The operations of the forward pass, bound to one size class: each call appends dispatches to the plan that is being
 * recorded. One token takes matvecs and splits attention over the keys; a block takes matmuls and carries one partial.
 */
import type { Recorder } from '../gpu/plan.ts';
import { adjustLogits } from '../kernels/adjust-logits.ts';
import { attention } from '../kernels/attention.ts';
import { embed } from '../kernels/embed.ts';
import { groupByExpert } from '../kernels/expert-tiles.ts';
import type { LinearRequest, Routing } from '../kernels/linear.ts';
import { logprobs } from '../kernels/logprobs.ts';
import { matmul } from '../kernels/matmul.ts';
import type { GpuMatrix } from '../kernels/matrix.ts';
import { matvec } from '../kernels/matvec.ts';
import { normRoute } from '../kernels/norm-router.ts';
import { rmsNorm } from '../kernels/rms-norm.ts';
import { ropeAndStore } from '../kernels/rope-kv.ts';
import { route } from '../kernels/router.ts';
import { sample } from '../kernels/sample.ts';
import type { KernelOptions } from '../kernels/variants.ts';
import type { Activations, Tables } from './activations.ts';
import type { ModelConfig } from './config.ts';
import type { LayerPlan } from './irope.ts';
import type { KvCache } from './kv-cache.ts';
import type { LayerWeights, Mlp } from './weights.ts';

type Input = Pick<LinearRequest, 'x' | 'norm'>;
type MoeWeights = Extract<LayerWeights['feedForward'], { kind: 'moe' }>;

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

  /** RMSNorm, then q, k and v side by side. */
  normQkv(h: GPUBuffer, norm: GPUBuffer, matrices: readonly GpuMatrix[], qkv: GPUBuffer): void {
    const yCols = matrices.reduce((sum, matrix) => sum + matrix.outputs, 0);
    const x = this.#normalized(h, norm);
    let yAt = 0;
    for (const matrix of matrices) {
      this.#linear({ label: 'qkv', ...x, matrix, y: qkv, yAt, yCols });
      yAt += matrix.outputs;
    }
  }

  ropeAndStore(qkv: GPUBuffer, layer: LayerPlan): void {
    const { recorder, options, config, kv, tables, activations } = this.#context;
    const table = layer.rope ? tables.rope : layer.temperature ? tables.temperature : tables.ones;
    ropeAndStore(recorder, options, {
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
    const { recorder, options, kv, activations, size } = this.#context;
    const { state, partials, maxPartials, piece } = activations;
    const shape = kv.shape(layer.index);
    const split = size === 'token' ? { piece, maxPartials } : { piece: undefined, maxPartials: 1 };
    attention(recorder, options, { state, qkv, partials, y, shape, regions: kv.regions(layer.index), ...split });
  }

  /** h += Wo context */
  outputProjection(context: GPUBuffer, matrix: GpuMatrix, h: GPUBuffer): void {
    this.#linear({ label: 'o', x: context, matrix, y: h, epilogue: 'add' });
  }

  /** RMSNorm into x; the router's logits and choice; for a block, the grouping that the experts' matmuls go by. */
  normRoute(h: GPUBuffer, norm: GPUBuffer, router: GpuMatrix, x: GPUBuffer): void {
    const { recorder, options, activations, config, size } = this.#context;
    const { state, routerLogits: logits, forced, routes, record, maxRows } = activations;
    const { numLocalExperts: numExperts, rmsNormEps: eps } = config;
    const layer = this.#moeLayers++;
    const request = { state, logits, forced, routes, record, layer, maxRows };
    if (router.storage.kind === 'float' && router.shards.length === 1) {
      normRoute(recorder, options, { ...request, h, weight: norm, eps, router, x });
    } else {
      this.rmsNorm(h, norm, x);
      this.#linear({ label: 'router', x, matrix: router, y: logits });
      route(recorder, { ...request, numExperts });
    }
    this.tap(`router.${layer}`, logits);
    this.tap(`routes.${layer}`, routes);
    if (size === 'block') groupByExpert(recorder, { state, routing: this.#routing, numExperts, maxRows });
  }

  /** h += down(silu(gate x) * up x) of the shared expert and of each token's own, whose input is scaled by its score. */
  experts(x: GPUBuffer, { experts, sharedExpert }: MoeWeights, inner: GPUBuffer, h: GPUBuffer): void {
    if (sharedExpert) {
      this.#mlp({ x }, sharedExpert, inner, h);
      this.#mlp({ x }, experts, inner, h, 'routed');
    } else if (this.#context.size === 'token') {
      this.#mlp({ x }, experts, inner, h, 'both');
    } else {
      this.#mlp({ x }, experts, inner, h, 'shared');
      this.#mlp({ x }, experts, inner, h, 'routed');
    }
  }

  /** RMSNorm, then h += down(silu(gate) * up). */
  normMlp(h: GPUBuffer, norm: GPUBuffer, mlp: Mlp, inner: GPUBuffer): void {
    this.#mlp(this.#normalized(h, norm), mlp, inner, h);
  }

  /** Only the newest row of h, into row 0 of x. */
  normLast(h: GPUBuffer, norm: GPUBuffer, x: GPUBuffer): void {
    this.#norm(h, norm, x, true);
  }

  rmsNorm(h: GPUBuffer, norm: GPUBuffer, x: GPUBuffer): void {
    this.#norm(h, norm, x, false);
  }

  /** Logits of all rows of x: for comparisons. */
  allLogits(x: GPUBuffer, lmHead: GpuMatrix, logits: GPUBuffer): void {
    this.#linear({ label: 'lm_head', x, matrix: lmHead, y: logits });
  }

  /** Logits of row 0 of x. */
  logits(x: GPUBuffer, lmHead: GpuMatrix, logits: GPUBuffer): void {
    const { recorder, options, activations } = this.#context;
    const { state } = activations;
    matvec(recorder, options, { label: 'lm_head', state, routing: this.#routing, x, matrix: lmHead, y: logits });
  }

  /** Into `adjusted`; only in runs that adjust. */
  adjust(logits: GPUBuffer, adjusted: GPUBuffer): void {
    const { recorder, activations, numTokens } = this.#context;
    const { extras, ids, mask, entries } = activations;
    adjustLogits(recorder, { extras, logits, ids, mask, entries, adjusted, numTokens });
  }

  /** The next id, by the adjusted logits in runs that adjust. */
  sample(logits: GPUBuffer, adjusted: GPUBuffer): void {
    const { recorder, activations, numTokens } = this.#context;
    const { state, slices, candidates, ids, record } = activations;
    const request = { state, slices, candidates, ids, record, numTokens };
    sample(recorder, { ...request, logits, when: ({ adjusts }) => !adjusts });
    sample(recorder, { ...request, logits: adjusted, when: ({ adjusts }) => adjusts === true });
  }

  /** Into the record, behind the experts; only in runs that want them. */
  logprobs(logits: GPUBuffer): void {
    const { recorder, activations, config, numTokens } = this.#context;
    const { extras, slices, record } = activations;
    logprobs(recorder, { extras, logits, slices, record, recordAt: 1 + config.moeLayers.length, numTokens });
  }

  tap(name: string, buffer: GPUBuffer): void {
    this.#context.onTap?.(name, buffer);
  }

  border(): void {
    this.#context.recorder.border();
  }

  #mlp(x: Input, { gateUpProj, downProj }: Mlp, inner: GPUBuffer, h: GPUBuffer, part?: LinearRequest['part']): void {
    const label = part ?? 'mlp';
    this.#linear({ label: `${label} gate_up`, ...x, matrix: gateUpProj, y: inner, epilogue: 'swiglu', part });
    this.#linear({ label: `${label} down`, x: inner, matrix: downProj, y: h, epilogue: 'add', part });
  }

  /** The input of projections of normalized h: a matvec normalizes it itself. */
  #normalized(h: GPUBuffer, norm: GPUBuffer): Input {
    const { config, size, activations } = this.#context;
    if (size === 'token') return { x: h, norm: { weight: norm, eps: config.rmsNormEps } };
    const { x } = activations;
    this.rmsNorm(h, norm, x);
    return { x };
  }

  #norm(x: GPUBuffer, weight: GPUBuffer, y: GPUBuffer, lastRow: boolean): void {
    const { recorder, options, config, activations } = this.#context;
    rmsNorm(recorder, options, {
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
