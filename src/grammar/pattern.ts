/** A regular expression as a grammar of its own: for answers that are text, not JSON. */
import { OutriderError } from '../errors.ts';
import { TooManyStates } from './automaton.ts';
import { textsWith, UnsupportedPattern } from './regular-expression.ts';
import { Rules } from './rules.ts';
import { textLike } from './values.ts';

/**
 * @param source of a RegExp with the `u` flag, which as ever matches anywhere in a text: anchors hold it to the whole
 * @returns a grammar for `{ kind: 'ebnf' }`, of all texts in which it is found
 * @throws OutriderError `invalid_request` naming what is not supported
 */
export function grammarOfPattern(source: string): string {
  const shown = JSON.stringify(source);
  const fail = (problem: string) => new OutriderError('invalid_request', `The pattern ${shown} ${problem}.`);
  try {
    const rules = new Rules();
    const text = rules.toText(textLike(rules, textsWith(source)));
    if (text === undefined) throw fail('matches no text. Write another');
    return text;
  } catch (error) {
    if (error instanceof UnsupportedPattern)
      throw fail(`uses ${error.message}, which is not supported. Write it without`);
    if (error instanceof TooManyStates) throw fail('needs too large an automaton. Write a simpler one');
    throw error;
  }
}
