/** `responseConstraint` as the request fields that enforce it. */
import type { Fields } from '../fields.ts';
import type { ChatMessage } from '../types.ts';
import { notSupported } from './errors.ts';
import type { LanguageModelPromptOptions } from './types.ts';

export interface Constraint {
  /** Of the request. */
  readonly fields: Fields;
  /** For the model; undefined: it is not told. */
  readonly instruction: string | undefined;
  /** Whether an answer that the end of the context cut off obeys it all the same. */
  isMetBy(text: string): boolean;
}

/**
 * @returns undefined where there is no constraint
 * @throws TypeError; DOMException `NotSupportedError` for a RegExp that no grammar can be made of. Schemas are checked by the engine.
 */
export async function parseConstraint(options: LanguageModelPromptOptions): Promise<Constraint | undefined> {
  const { responseConstraint: constraint, omitResponseConstraintInput: omit = false } = options;
  if (constraint === undefined) {
    if (omit) throw new TypeError('omitResponseConstraintInput is set without a responseConstraint.');
    return undefined;
  }
  if (typeof constraint !== 'object' || constraint === null || Array.isArray(constraint)) {
    throw new TypeError('responseConstraint must be a JSON schema object or a RegExp.');
  }
  if (constraint instanceof RegExp) {
    const instruction = `Answer with a text that matches the regular expression ${constraint}.`;
    const grammar = await grammarOf(constraint);
    const found = new RegExp(constraint.source, 'u'); // as `grammarOf` reads it, and without the place of a last search
    return {
      fields: { response_format: { type: 'grammar', grammar } },
      instruction: omit ? undefined : instruction,
      isMetBy: (text) => found.test(text),
    };
  }
  const instruction = `Answer with JSON that conforms to this JSON schema: ${JSON.stringify(constraint)}`;
  return {
    fields: { response_format: { type: 'json_schema', json_schema: { name: 'response', schema: constraint } } },
    instruction: omit ? undefined : instruction,
    isMetBy: () => false, // even where it is JSON: a number may have had more digits
  };
}

/** The instruction stands at the end of the user's last message: a message of its own would look like another turn. */
export function withInstruction(messages: readonly ChatMessage[], instruction: string | undefined): ChatMessage[] {
  if (instruction === undefined) return [...messages];
  const last = messages.findLastIndex(({ role }) => role === 'user');
  if (last >= 0) {
    const { role, content } = messages[last]!;
    return messages.with(last, { role, content: `${content}\n\n${instruction}` });
  }
  const end = messages.at(-1)!.role === 'assistant' ? messages.length - 1 : messages.length;
  return messages.toSpliced(end, 0, { role: 'user', content: instruction });
}

/** Flags that only matter to repeated searches are of no account. */
async function grammarOf({ source, flags }: RegExp): Promise<string> {
  const meaningful = flags.replace(/[dguvy]/g, '');
  if (meaningful !== '') throw notSupported(`The flag "${meaningful}" of a RegExp is not supported; write it out.`);
  const { grammarOfPattern } = await import('../../grammar/pattern.ts');
  try {
    return grammarOfPattern(source);
  } catch (error) {
    throw Object.assign(notSupported(`/${source}/ cannot be enforced: ${(error as Error).message}`), { cause: error });
  }
}
