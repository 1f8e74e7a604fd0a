/** How a request's ids are chosen: its own fields, then those of `generation_config.json`, then OpenAI's defaults. */
import type { Adjustment, Sampling } from '../model/runner.ts';
import { uniform } from './random.ts';
import type { GenerateRequest } from './request.ts';
import type { SamplingFields } from './sampling.ts';

type Mask = Uint32Array<ArrayBuffer>;

/** Biases from here on are no numbers to add, but mean: never this id, only these ids. */
const NEVER = -100;
const ONLY = 100;

/** The same for all choices of a request. */
export class RequestSampling {
  /** undefined: logits are taken as they are. */
  readonly adjustment: Adjustment | undefined;
  /** Ids that a bias of 100 leaves; undefined: all. */
  readonly allowed: Mask | undefined;
  readonly #fields: SamplingFields;
  readonly #seed: number;
  readonly #logprobs: number | undefined;

  /** @param seed where the request names none */
  constructor(request: GenerateRequest, defaults: SamplingFields, numTokens: number, seed: number) {
    this.#fields = withDefaults(request.sampling, defaults);
    this.#seed = request.seed ?? seed;
    this.#logprobs = request.logprobs;
    this.adjustment = adjustmentOf(request, this.#fields.repetitionPenalty);
    this.allowed = onlyIds(request.logitBias ?? [], numTokens);
  }

  /**
   * @param choice 0-based
   * @param position of the id that is chosen
   * @param mask ids that are allowed there; default those that the biases leave
   */
  at(choice: number, position: number, mask: Mask | undefined = this.allowed): Sampling {
    const { temperature, topP, topK, minP } = this.#fields;
    const random = uniform(this.#seed, choice, position);
    return { temperature, topP, topK, minP, random, mask, logprobs: this.#logprobs };
  }
}

function withDefaults(given: GenerateRequest['sampling'], defaults: SamplingFields): SamplingFields {
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(present) };
}

function adjustmentOf(request: GenerateRequest, repetitionPenalty: number): Adjustment | undefined {
  const { presencePenalty = 0, frequencyPenalty = 0, logitBias = [] } = request;
  const bias = logitBias
    .filter(([, value]) => value !== 0)
    .map(([id, value]) => [id, value === NEVER ? Number.NEGATIVE_INFINITY : value] as const);
  if (repetitionPenalty === 1 && presencePenalty === 0 && frequencyPenalty === 0 && bias.length === 0) return undefined;
  return { repetitionPenalty, presencePenalty, frequencyPenalty, bias };
}

function onlyIds(bias: NonNullable<GenerateRequest['logitBias']>, numTokens: number): Mask | undefined {
  const ids = bias.filter(([, value]) => value === ONLY).map(([id]) => id);
  if (ids.length === 0) return undefined;
  const mask = new Uint32Array(Math.ceil(numTokens / 32));
  for (const id of ids) mask[id >>> 5]! |= 1 << (id & 31);
  return mask;
}
