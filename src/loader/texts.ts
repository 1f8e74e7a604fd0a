/** The small texts of a model's folder: the chat template and the author's sampling defaults. */
import { compileTemplate } from '../chat/program.ts';
import { findChatTemplate } from '../chat/template-source.ts';
import { parseGenerationConfig } from '../model/generation-config.ts';
import type { ModelTexts, ParsedTexts } from '../model/reader.ts';

/** Throws `template_error`, `config_unsupported`. */
export function parseTexts({ jinja, tokenizerConfig, generation: json, specials }: ModelTexts): ParsedTexts {
  const { config: generation, notices } = parseGenerationConfig(json ?? {});
  const template = compileTemplate(findChatTemplate(jinja, tokenizerConfig), specials);
  return { template, generation, notices };
}
