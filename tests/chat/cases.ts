/** Conversations in the goldens' form: what goes in, and what Transformers makes of it. */
import { compileTemplate } from '../../src/chat/program.ts';
import {
  type ChatTemplate,
  createChatTemplate,
  type RenderInput,
  type TemplateOptions,
} from '../../src/chat/template.ts';
import type { Segment, Tokenizer } from '../../src/tokenizer/tokenizer.ts';

export interface Case {
  readonly name: string;
  readonly messages: RenderInput['messages'];
  readonly tools: unknown[] | null;
  readonly add_generation_prompt: boolean;
  readonly template_kwargs: Record<string, unknown>;
  readonly rendered?: string;
  readonly ids?: number[];
  readonly error?: string;
}

export const inputOf = (chat: Case): RenderInput => ({
  messages: chat.messages,
  tools: chat.tools,
  addGenerationPrompt: chat.add_generation_prompt,
  templateKwargs: chat.template_kwargs,
});

/** As it arrives where prompts are rendered: from another thread. */
export const templateOf = (source: string, tokenizer: Tokenizer, options?: TemplateOptions): ChatTemplate =>
  createChatTemplate(structuredClone(compileTemplate(source, [...tokenizer.specialTokens.keys()])), tokenizer, options);

export const textOf = (segments: readonly Segment[]): string =>
  segments.map((segment) => ('text' in segment ? segment.text : segment.special)).join('');
