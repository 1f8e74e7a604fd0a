/** Where a checkpoint keeps its chat template. */
import { OutriderError } from '../errors.ts';

/**
 * `chat_template.jinja` wins over `chat_template` in `tokenizer_config.json`, which is Jinja or a list of named
 * templates, of which `default` is meant.
 * @param jinja text of `chat_template.jinja`, if the folder has one
 * @param tokenizerConfig the parsed `tokenizer_config.json`, if the folder has one
 * @throws OutriderError `template_error` if there is no template: a base model cannot chat
 */
export function findChatTemplate(jinja: string | undefined, tokenizerConfig: unknown): string {
  if (jinja !== undefined) return jinja;
  const configured = (tokenizerConfig as { chat_template?: unknown } | null | undefined)?.chat_template;
  if (typeof configured === 'string') return configured;
  const named: { name?: unknown; template?: unknown }[] = Array.isArray(configured) ? configured : [];
  const template = named.find((entry) => entry?.name === 'default')?.template;
  if (typeof template === 'string') return template;
  throw new OutriderError(
    'template_error',
    'Found neither chat_template.jinja nor a chat_template in tokenizer_config.json. Use an instruct model, or add one.',
  );
}
