/**
 * The peers' models have a made-up vocabulary in which the token `id` reads "#id;": prompts are exact in tokens, and the
 * ids of an answer can be read from its text. The same in a page and in Node.
 */

/** Ids below are special tokens and single bytes. */
export const FIRST_WORD = 259;
/** Words that llama.cpp recognizes in a prompt; all others only come out. */
const PROMPT_WORDS = 1024;

/** Words that look random; every salt and length gives others, so that none begins as another does; every run the same. */
export function wordPrompt(tokens: number, vocabSize: number, salt: number): string {
  const words = Math.min(PROMPT_WORDS, vocabSize - FIRST_WORD);
  let state = (Math.imul(tokens, 0x2545f491) ^ Math.imul(salt + 1, 0x9e3779b1)) >>> 0;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return FIRST_WORD + ((state >>> 8) % words);
  };
  return Array.from({ length: tokens }, () => `#${next()};`).join('');
}

/** Ids of the words in a text. */
export function wordIds(text: string): number[] {
  return [...text.matchAll(/#(\d+);/g)].map(([, id]) => Number(id));
}
