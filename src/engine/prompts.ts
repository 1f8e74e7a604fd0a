/** From a request's prompt to ids, with the ids that were chosen for earlier answers in their place. */
import { encodeConversation } from '../chat/conversation.ts';
import type { ChatTemplate, TemplateMessage } from '../chat/template.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { AnswerMemory } from './answers.ts';
import type { Prompt } from './request.ts';

export class PromptEncoder {
  readonly #tokenizer: Tokenizer;
  readonly #template: ChatTemplate;
  readonly #answers = new AnswerMemory();

  constructor(tokenizer: Tokenizer, template: ChatTemplate) {
    this.#tokenizer = tokenizer;
    this.#template = template;
  }

  /** @throws OutriderError `template_error` */
  encode(prompt: Prompt): readonly number[] {
    if ('ids' in prompt) return prompt.ids;
    const tokenizer = this.#tokenizer;
    if ('text' in prompt) {
      const { bosToken } = tokenizer;
      return tokenizer.encodeRendered([...(bosToken ? [{ special: bosToken }] : []), { text: prompt.text }]);
    }
    const { messages, tools, templateKwargs, answer = '' } = prompt;
    const known = this.#answers.recall(messages);
    const ids = encodeConversation(tokenizer, this.#template, messages, {
      idsOf: (index) => known[index],
      tools: tools && tools.length > 0 ? tools : undefined,
      templateKwargs,
    });
    return [...ids, ...tokenizer.encodeText(answer)];
  }

  /** Keeps the ids of an answer, for the conversation that goes on from it. */
  remember(prompt: Prompt, answer: string, ids: readonly number[]): void {
    if (!('messages' in prompt) || prompt.answer) return;
    const messages: readonly TemplateMessage[] = [...prompt.messages, { role: 'assistant', content: answer }];
    this.#answers.remember(messages, ids);
  }
}
