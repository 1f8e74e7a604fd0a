/** Prompt ids of a conversation whose earlier answers were generated here, so that their KV can be used again. */
import type { Segment, Tokenizer } from '../tokenizer/tokenizer.ts';
import type { ChatTemplate, OpenSegment, RenderInput, TemplateMessage } from './template.ts';

export interface ConversationOptions extends Partial<Omit<RenderInput, 'messages'>> {
  /**
   * The ids that were generated for an assistant message, without the id that ended it (the template writes that);
   * undefined where they are not known.
   */
  readonly idsOf?: (messageIndex: number) => readonly number[] | undefined;
}

/**
 * Encodes a conversation. Known ids stand in place of an assistant message's content, because a model's ids for a text
 * need not be the tokenizer's; the text around them is encoded by itself, which gives the ids that the earlier
 * prompt ended with. They are used only if the template prints these contents unchanged; a template that trims or
 * cuts earlier answers gets them from the text.
 * @throws OutriderError as `ChatTemplate.render` and `Tokenizer.encodeRendered` do
 */
export function encodeConversation(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  messages: readonly TemplateMessage[],
  { idsOf = () => undefined, addGenerationPrompt = true, tools, templateKwargs }: ConversationOptions = {},
): number[] {
  const input: RenderInput = { messages, addGenerationPrompt, tools, templateKwargs };
  const rendered = template.render(input);
  const known = knownAnswers(messages, idsOf);
  if (known.size === 0) return tokenizer.encodeRendered(rendered);

  const open = template.renderOpen(input, new Set(known.keys()));
  const contentOf = (index: number) => ({ text: messages[index]!.content as string });
  const closed = open.map((segment) => ('message' in segment ? contentOf(segment.message) : segment));
  if (!isSamePrompt(closed, rendered)) return tokenizer.encodeRendered(rendered);
  return open.flatMap((segment: OpenSegment) =>
    'message' in segment ? [...known.get(segment.message)!] : tokenizer.encodeRendered([segment]),
  );
}

function knownAnswers(
  messages: readonly TemplateMessage[],
  idsOf: (messageIndex: number) => readonly number[] | undefined,
): Map<number, readonly number[]> {
  const known = new Map<number, readonly number[]>();
  for (const [index, { role, content }] of messages.entries()) {
    const ids = role === 'assistant' && typeof content === 'string' ? idsOf(index) : undefined;
    if (ids) known.set(index, ids);
  }
  return known;
}

function isSamePrompt(a: readonly Segment[], b: readonly Segment[]): boolean {
  return JSON.stringify(mergeText(a)) === JSON.stringify(mergeText(b));
}

/** Neighbouring text as one segment, empty text dropped. */
function mergeText(segments: readonly Segment[]): Segment[] {
  const merged: Segment[] = [];
  for (const segment of segments) {
    const last = merged.at(-1);
    if ('text' in segment && last && 'text' in last) merged[merged.length - 1] = { text: last.text + segment.text };
    else if ('special' in segment || segment.text !== '') merged.push(segment);
  }
  return merged;
}

/**
 * What may be left out of a conversation, the oldest first: turns, each a user's message with all that follows until the
 * next one, so that results of tools stay with their calls. What stands before the first user's message is a turn too.
 * System prompts belong to none, and the newest turn is not among them.
 * @returns the indices of the messages of each turn
 */
export function removableTurns(messages: readonly TemplateMessage[]): number[][] {
  const turns: number[][] = [[]];
  for (const [index, { role }] of messages.entries()) {
    if (role === 'system' || role === 'developer') continue;
    if (role === 'user' && turns.at(-1)!.length > 0) turns.push([]);
    turns.at(-1)!.push(index);
  }
  return turns.slice(0, -1);
}
