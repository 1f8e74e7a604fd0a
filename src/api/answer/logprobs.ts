/** Log-probabilities in OpenAI's two shapes. */
import type { ChosenLogprob, TokenLogprob as EngineLogprob } from '../../engine/request.ts';
import type { ChosenTokenLogprob, TokenLogprob } from '../types.ts';
import type { TextLogprobs } from '../types-text.ts';

/** Of chat completions. */
export function toChatLogprob(token: ChosenLogprob): ChosenTokenLogprob {
  return { ...toTokenLogprob(token), top_logprobs: token.top.map(toTokenLogprob) };
}

function toTokenLogprob(token: EngineLogprob): TokenLogprob {
  return { token: tokenText(token), bytes: [...token.bytes], logprob: token.logprob };
}

/** A part of a character has no text; as OpenAI writes it, it can still be told from others. */
function tokenText({ text, bytes }: EngineLogprob): string {
  if (text !== '' || bytes.length === 0) return text;
  return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
}

/**
 * Of completions.
 * @param tokens those that completed one piece of text
 * @param start where that piece begins in the choice's text, UTF-16 units
 */
export function toTextLogprobs(tokens: readonly ChosenLogprob[], start: number): TextLogprobs {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let offset = start;
  const result: TextLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
  for (const token of tokens) {
    result.tokens.push(tokenText(token));
    result.token_logprobs.push(token.logprob);
    result.top_logprobs.push(Object.fromEntries([...token.top, token].map((each) => [tokenText(each), each.logprob])));
    result.text_offset.push(offset);
    offset += decoder.decode(Uint8Array.from(token.bytes), { stream: true }).length;
  }
  return result;
}

/** Appends `more` to `all`. */
export function appendLogprobs(all: TextLogprobs, more: TextLogprobs): void {
  all.tokens.push(...more.tokens);
  all.token_logprobs.push(...more.token_logprobs);
  all.top_logprobs.push(...more.top_logprobs);
  all.text_offset.push(...more.text_offset);
}
