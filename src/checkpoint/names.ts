/** Tensor names without what exporters put in front of them. */
import { OutriderError } from '../errors.ts';
import type { Tensor } from './tensor.ts';

/** Parts of a multimodal checkpoint that are not the language model. */
const VISION = /(?:^|\.)(?:vision_model|vision_tower|vision_adapter|multi_modal_projector)\./;

/** The text model's own names, whatever stands before them: `language_model.model.`, `model.language_model.`, ... */
const TEXT = /^(?:[A-Za-z_]+\.)*?((?:embed_tokens|lm_head|norm|layers\.\d+)\..+)$/;

export function isVisionTensor(name: string): boolean {
  return VISION.test(name);
}

/** `layers.3.self_attn.q_proj.weight`, without a prefix; undefined for a name that is not of the text model. */
export function textName(name: string): string | undefined {
  return isVisionTensor(name) ? undefined : TEXT.exec(name)?.[1];
}

/** The text model's tensors by `textName`. Throws `tensor_mismatch` where two tensors have the same. */
export function indexByTextName(tensors: Iterable<Tensor>): Map<string, Tensor> {
  const byName = new Map<string, Tensor>();
  for (const tensor of tensors) {
    const name = textName(tensor.name);
    if (name === undefined) continue;
    const other = byName.get(name);
    if (other !== undefined) {
      throw new OutriderError(
        'tensor_mismatch',
        `Both "${other.name}" and "${tensor.name}" are ${name}. Keep one of them in the folder.`,
        { details: { tensor: tensor.name, other: other.name } },
      );
    }
    byName.set(name, tensor);
  }
  return byName;
}
