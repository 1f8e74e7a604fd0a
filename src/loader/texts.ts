/** The texts of a model's folder: its tokenizer but for the tables, the chat template, the author's sampling defaults. */
import { compileTemplate } from '../chat/program.ts';
import { findChatTemplate } from '../chat/template-source.ts';
import { parseGenerationConfig } from '../model/generation-config.ts';
import type { ModelTexts, ParsedTexts } from '../model/reader.ts';
import { parseTokenizer } from '../tokenizer/parse.ts';

/** Throws `tokenizer_invalid`, `template_error`, `config_unsupported`. */
export function parseTexts({ jinja, tokenizerConfig, generation: json, tokenizer: file }: ModelTexts): ParsedTexts {
  const tokenizer = parseTokenizer(file, tokenizerConfig);
  const specials = new Set(tokenizer.addedTokens.map(({ content }) => content));
  const { config: generation, notices } = parseGenerationConfig(json ?? {}); // the file is optional
  const template = compileTemplate(findChatTemplate(jinja, tokenizerConfig), [...specials]);
  return { tokenizer, template, generation, notices };
}
