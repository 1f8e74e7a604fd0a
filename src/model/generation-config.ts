import { isObject } from '../checkpoint/json.ts';
import { OutriderError } from '../errors.ts';

/** The sampling defaults that a checkpoint's author chose. Undefined: not said. */
export interface GenerationConfig {
  /** >= 0; 0 where the file says `do_sample: false`. */
  readonly temperature: number | undefined;
  /** 0..1 */
  readonly topP: number | undefined;
  /** 0 keeps all. */
  readonly topK: number | undefined;
  /** 0..1 */
  readonly minP: number | undefined;
  /** > 0 */
  readonly repetitionPenalty: number | undefined;
  readonly eosTokenIds: readonly number[] | undefined;
}

/** Fields that change what is chosen, with the values at which they do nothing. */
const NOT_HONOURED: Readonly<Record<string, readonly unknown[]>> = {
  no_repeat_ngram_size: [0],
  typical_p: [1],
  epsilon_cutoff: [0],
  eta_cutoff: [0],
  num_beams: [1],
  bad_words_ids: [],
  suppress_tokens: [],
  begin_suppress_tokens: [],
  forced_eos_token_id: [],
};

/**
 * Reads `generation_config.json`. Throws `config_unsupported` for a field of a wrong type or range; `notices` names, one
 * sentence each, the fields that would change the choice of tokens and are not applied.
 */
export function parseGenerationConfig(json: unknown): { config: GenerationConfig; notices: string[] } {
  if (!isObject(json)) throw wrong('the file', json, 'an object');
  const number = (name: string, min: number, max: number): number | undefined => {
    const value = json[name] ?? undefined;
    if (value === undefined) return undefined;
    if (typeof value === 'number' && value >= min && value <= max) return value;
    throw wrong(
      name,
      value,
      max === Number.POSITIVE_INFINITY ? `a number from ${min}` : `a number from ${min} to ${max}`,
    );
  };
  const topK = number('top_k', 0, Number.POSITIVE_INFINITY);
  if (topK !== undefined && !Number.isSafeInteger(topK)) throw wrong('top_k', topK, 'a whole number');
  const repetitionPenalty = number('repetition_penalty', 0, Number.POSITIVE_INFINITY);
  if (repetitionPenalty === 0) throw wrong('repetition_penalty', 0, 'a number above 0');
  const temperature = number('temperature', 0, Number.POSITIVE_INFINITY);
  const config = {
    temperature: json.do_sample === false ? 0 : temperature,
    topP: number('top_p', 0, 1),
    topK,
    minP: number('min_p', 0, 1),
    repetitionPenalty,
    eosTokenIds: parseIds(json.eos_token_id ?? undefined),
  };
  const notices = Object.entries(NOT_HONOURED)
    .filter(([name, neutral]) => json[name] != null && !neutral.includes(json[name]))
    .map(([name]) => `generation_config.json asks for ${name} = ${JSON.stringify(json[name])}, which is not applied.`);
  return { config, notices };
}

function parseIds(value: unknown): readonly number[] | undefined {
  if (value === undefined) return undefined;
  const ids: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (ids.every((id): id is number => Number.isSafeInteger(id) && (id as number) >= 0)) return ids;
  throw wrong('eos_token_id', value, 'a token id or a list of token ids');
}

function wrong(field: string, value: unknown, supported: string): OutriderError {
  const found = JSON.stringify(value) ?? 'absent';
  return new OutriderError(
    'config_unsupported',
    `generation_config.json: ${field} is ${found}; supported is ${supported}.`,
    { details: { field, found, supported } },
  );
}
