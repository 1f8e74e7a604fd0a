/** What of sampling a model's own `generation_config.json` may decide. */

/** How to choose ids, in Transformers' order. What a request leaves out comes from `generation_config.json`, then from OpenAI's defaults. */
export interface SamplingFields {
  /** 0..2; 0 is greedy. */
  readonly temperature: number;
  /** 0..1; 1 keeps all. */
  readonly topP: number;
  /** Ids; 0 keeps all. */
  readonly topK: number;
  /** 0..1, relative to the most probable id; 0 keeps all. */
  readonly minP: number;
  /** > 0; logits of ids in prompt or answer are divided by it where positive, multiplied where negative; 1 changes nothing. */
  readonly repetitionPenalty: number;
}
