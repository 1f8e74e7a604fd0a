/**
 * How the template's own special tokens survive rendering apart from text that merely looks like them.
 *
 * The template writes a mark (a character that no string of this render contains, a number, the character again)
 * where its source has a special token. What users wrote is never touched: whatever the template does to it (trim,
 * tojson, joining parts), no mark can come out of it, because none of these make a character that was not there.
 * The reverse, masking users' strings, breaks where a special is spread over two strings that the template joins.
 */
import { OutriderError } from '../errors.ts';

/** A run of output: text, the index of a special token, or the index of a message whose content is left open. */
export type Piece = { readonly text: string } | { readonly specialIndex: number } | { readonly message: number };

export interface Marks {
  /** The character. A letter without case, so that trim, tojson, repr, upper and lower leave it alone. */
  readonly character: string;
  /** A template literal, cut by `createSplitter`, as the text to print. */
  literal(pieces: readonly (string | number)[]): string;
  /** Stands for the content of a message. */
  message(index: number): string;
  /** Reads the output back. Neighbouring text is one piece; no piece is empty. */
  read(output: string): Piece[];
}

/** CJK ideographs: letters without case. Rare ones come first. */
const FIRST_CHARACTER = 0x3400;
const LAST_CHARACTER = 0x9fff;

/**
 * @param visible all text that this render can see
 * @throws OutriderError `invalid_request` if it has every one of 27,648 ideographs, which leaves none as a mark
 */
export function createMarks(visible: string): Marks {
  let code = FIRST_CHARACTER;
  while (visible.includes(String.fromCharCode(code))) {
    if (++code > LAST_CHARACTER) {
      const message = 'The conversation contains every CJK ideograph, which leaves none to mark special tokens with.';
      throw new OutriderError('invalid_request', `${message} Shorten it.`);
    }
  }
  const character = String.fromCharCode(code);
  const special = (index: number) => `${character}#${index}${character}`;
  return {
    character,
    literal: (pieces) => pieces.map((piece) => (typeof piece === 'string' ? piece : special(piece))).join(''),
    message: (index) => `${character}@${index}${character}`,
    read: (output) => readPieces(output, character),
  };
}

function readPieces(output: string, character: string): Piece[] {
  const pieces: Piece[] = [];
  // Odd fields are marks: text, mark, text, mark, ..., text.
  for (const [index, field] of output.split(character).entries()) {
    if (index % 2 === 0) {
      if (field !== '') pieces.push({ text: field });
      continue;
    }
    const mark = /^([#@])(\d+)$/.exec(field);
    if (!mark)
      throw new OutriderError('template_error', 'The chat template cuts or changes one of its special tokens.');
    pieces.push(mark[1] === '#' ? { specialIndex: Number(mark[2]) } : { message: Number(mark[2]) });
  }
  return pieces;
}

/** Text with specials cut out: strings and indices into the list of specials. Undefined if there is none inside. */
export type SplitSpecials = (text: string) => (string | number)[] | undefined;

/** Cuts text at special tokens, the longest first where several begin at one place. */
export function createSplitter(specials: readonly string[]): SplitSpecials {
  const byLength = specials.toSorted((a, b) => b.length - a.length);
  const pattern = new RegExp(`(${byLength.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')})`);
  const indexOf = new Map(specials.map((text, index) => [text, index]));
  return (text) => {
    if (specials.length === 0 || !pattern.test(text)) return undefined;
    return text.split(pattern).map((piece, index) => (index % 2 === 0 ? piece : indexOf.get(piece)!));
  };
}
