/** What is quantized and how it is declared, in compressed-tensors' terms. */

import { GROUP_SIZES, type GroupSize } from '../../checkpoint/formats/facts.ts';
import { isVisionTensor } from '../../checkpoint/names.ts';
import { OutriderError } from '../../errors.ts';

export interface Recipe {
  readonly groupSize: GroupSize;
  /** Modules that stay as they are: `re:` and a regular expression that matches from the start, or a part of the name. */
  readonly ignore: readonly string[];
}

/** The recipe of the int4 Scout that is published for vLLM. */
export const DEFAULT_RECIPE: Recipe = {
  groupSize: 128,
  ignore: ['re:.*lm_head', 're:.*self_attn', 're:.*router', 're:vision_model.*', 're:multi_modal_projector.*'],
};

/** Checks what a person typed. Throws `invalid_request`. */
export function parseRecipe({ groupSize, ignore }: { groupSize?: number; ignore?: readonly string[] }): Recipe {
  const size = groupSize === undefined ? DEFAULT_RECIPE.groupSize : GROUP_SIZES.find((known) => known === groupSize);
  if (size === undefined) {
    throw new OutriderError('invalid_request', `The group size is ${groupSize}; it can be ${GROUP_SIZES.join(', ')}.`);
  }
  for (const pattern of ignore ?? []) matcher(pattern);
  return { groupSize: size, ignore: ignore ?? DEFAULT_RECIPE.ignore };
}

function matcher(pattern: string): (module: string) => boolean {
  if (!pattern.startsWith('re:')) return (module) => module.includes(pattern);
  try {
    const expression = new RegExp(`^(?:${pattern.slice(3)})`);
    return (module) => expression.test(module);
  } catch (cause) {
    throw new OutriderError('invalid_request', `"${pattern}" is not a regular expression.`, { cause });
  }
}

/** Decides module by module, and remembers what the declaration must list. */
export class RecipeMatcher {
  readonly #patterns: readonly { pattern: string; matches: (module: string) => boolean; found: string[] }[];
  readonly #vision: string[] = [];

  constructor(recipe: Recipe) {
    this.#patterns = recipe.ignore.map((pattern) => ({ pattern, matches: matcher(pattern), found: [] }));
  }

  /** @param module name of a Linear layer, without `.weight` */
  quantizes(module: string): boolean {
    const hits = this.#patterns.filter(({ matches }) => matches(module));
    for (const { found } of hits) found.push(module);
    if (hits.length > 0) return false;
    if (!isVisionTensor(`${module}.weight`)) return true;
    this.#vision.push(module); // the image encoder is no language model: never quantized, whatever the patterns say
    return false;
  }

  /** Other readers match plain entries exactly, so a part of a name is declared as the modules that it hit. */
  declaredIgnore(): string[] {
    const listed = this.#patterns.flatMap(({ pattern, found }) =>
      pattern.startsWith('re:') || found.length === 0 ? [pattern] : found,
    );
    return [...new Set([...listed, ...this.#vision])];
  }

  unmatched(): string[] {
    return this.#patterns.filter(({ found }) => found.length === 0).map(({ pattern }) => pattern);
  }
}

/** `config.json`'s text with `quantization_config` at its end; the rest stays as it is, down to how floats are written. */
export function declareQuantization(configText: string, groupSize: GroupSize, ignore: readonly string[]): string {
  const declaration = {
    config_groups: {
      group_0: {
        targets: ['Linear'],
        weights: {
          num_bits: 4,
          type: 'int',
          symmetric: true,
          group_size: groupSize,
          strategy: 'group',
          dynamic: false,
        },
        input_activations: null,
        output_activations: null,
        format: null,
      },
    },
    quant_method: 'compressed-tensors',
    kv_cache_scheme: null,
    format: 'pack-quantized',
    quantization_status: 'compressed',
    global_compression_ratio: null,
    ignore,
    moe_sparsity_config: null,
  };
  const body = configText.slice(0, configText.lastIndexOf('}')).trimEnd();
  const nested = JSON.stringify(declaration, null, 2).replaceAll('\n', '\n  ');
  return `${body},\n  "quantization_config": ${nested}\n}\n`;
}
