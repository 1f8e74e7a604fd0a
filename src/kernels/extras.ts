/** The `Extras` uniform: what a request asks beyond temperature and filters. One source of truth: shaders/shared/extras.wgsl. */
import source from '../../shaders/shared/extras.wgsl?raw';
import { packFields, parseStruct } from '../gpu/kernel.ts';

const FIELDS = parseStruct(source, 'Extras');

/** Bytes of the uniform. */
export const EXTRAS_BYTES = FIELDS.length * 4;

/** As `Adjustment` in model/runner.ts. */
interface Penalties {
  readonly repetitionPenalty: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
}

export interface Extras {
  /** These hold, and the biases of the entries; undefined: logits as they are. */
  readonly penalties: Penalties | undefined;
  /** The id that the run is fed with is the answer's newest, and not counted yet. */
  readonly countsInput: boolean;
  /** Only ids of the mask may be chosen. */
  readonly masks: boolean;
  /** Alternatives whose log-probabilities are recorded, 0 .. MAX_TOP_LOGPROBS. */
  readonly topLogprobs: number;
}

/** @param into EXTRAS_BYTES */
export function packExtras(extras: Extras, into: DataView<ArrayBuffer>): void {
  const { penalties, countsInput, masks, topLogprobs } = extras;
  const values = {
    adjusts: penalties ? 1 : 0,
    counts_input: countsInput ? 1 : 0,
    masks: masks ? 1 : 0,
    top_logprobs: topLogprobs,
    repetition_penalty: penalties?.repetitionPenalty ?? 1,
    presence_penalty: penalties?.presencePenalty ?? 0,
    frequency_penalty: penalties?.frequencyPenalty ?? 0,
  };
  packFields('extras', FIELDS, values, into);
}
