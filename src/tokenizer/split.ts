/** Cuts text into the pieces inside which byte pairs are merged. */
import { byteCharacters } from './bytes.ts';
import type { Cut, PreTokenizer } from './pre-tokenizer.ts';

/** @returns a function from text to pieces in the byte-level alphabet */
export function createTextSplitter({ splits, addsBlank, last }: PreTokenizer): (text: string) => string[] {
  const encoder = new TextEncoder();
  return (text) => {
    let pieces = [text];
    for (const split of splits) pieces = cutAll(pieces, split);
    if (addsBlank) pieces = pieces.map((piece) => (piece.startsWith(' ') ? piece : ` ${piece}`));
    if (last) pieces = cutAll(pieces, last);
    return pieces.map((piece) => Array.from(encoder.encode(piece), (byte) => byteCharacters[byte]).join(''));
  };
}

const cutAll = (pieces: readonly string[], how: Cut) => pieces.flatMap((piece) => cut(piece, how));

/** What `expression` matches, what lies between, or both in order; nothing of it empty. */
function cut(text: string, { expression, matches, gaps }: Cut): string[] {
  const pieces: string[] = [];
  let end = 0;
  for (const { 0: match, index } of text.matchAll(expression)) {
    if (gaps) pieces.push(text.slice(end, index));
    if (matches) pieces.push(match);
    end = index + match.length;
  }
  if (gaps) pieces.push(text.slice(end));
  return pieces.filter((piece) => piece !== '');
}
