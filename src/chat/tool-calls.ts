/**
 * Finds calls of functions in an answer's text while it comes, in the forms that Llama 4 writes:
 *
 *     [get_weather(city="Paris"), get_time(city="Oslo")]
 *     {"name": "get_weather", "parameters": {"city": "Paris"}}      also with "type" and "arguments", several, in a list
 *     <function=get_weather>{"city": "Paris"}</function>
 *
 * Text is held back only while it may still become a call. Calls are given out whole, so that their arguments are
 * always the JSON of an object; what turns out to be none comes out as the text that it is.
 */
import {
  expectText,
  Mismatch,
  peek,
  type Reading,
  type Source,
  skipBlanks,
  takeList,
  takeLiteral,
  takeWhile,
} from './literals.ts';

/** A call that the model wants. */
export interface ParsedCall {
  readonly name: string;
  /** JSON of an object, compact. */
  readonly arguments: string;
}

/** A piece of an answer. */
export type AnswerPart = { readonly text: string } | { readonly call: ParsedCall };

/** What may begin a call. */
const CALL_START = /[{[<]/;
/** What may stand between calls, and before the first. */
const BETWEEN_CALLS = /^[\s;,]*/;
const BEFORE_CALLS = /^\s*/;

export class ToolCallParser {
  readonly #names: readonly string[];
  /** Not given out yet. */
  #text = '';
  #ended = false;
  /** The attempt to read calls at the beginning of `#text`. */
  #attempt: { readonly source: Source; readonly reading: Reading<ParsedCall[]> } | undefined;
  /** Blanks that are dropped if a call follows. */
  #blanks = '';
  #place: 'before' | 'in text' | 'between' = 'before';

  /** @param names of the functions that may be called; anything else is text */
  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** @returns what is decided now; no text in it is empty */
  push(text: string): AnswerPart[] {
    this.#text += text;
    if (this.#attempt) this.#attempt.source.text = this.#text;
    return [...this.#parts()];
  }

  /** The answer is complete. @returns the rest */
  end(): AnswerPart[] {
    this.#ended = true;
    if (this.#attempt) this.#attempt.source.ended = true;
    const parts = [...this.#parts()];
    if (this.#place !== 'between' && this.#blanks !== '') parts.push({ text: this.#blanks });
    return parts;
  }

  *#parts(): Generator<AnswerPart, void, undefined> {
    while (this.#text !== '') {
      if (!this.#attempt) {
        const start = this.#text.search(CALL_START);
        yield* this.#release(start < 0 ? this.#text.length : start);
        if (start < 0) return;
        const source = { text: this.#text, at: 0, ended: this.#ended };
        this.#attempt = { source, reading: takeCalls(source, this.#names) };
      }
      const { source } = this.#attempt;
      const calls = this.#resume();
      if (calls === 'undecided') return;
      this.#attempt = undefined;
      if (calls === 'none') {
        yield* this.#release(1);
        continue;
      }
      this.#text = this.#text.slice(source.at);
      this.#blanks = '';
      this.#place = 'between';
      for (const call of calls) yield { call };
    }
  }

  #resume(): ParsedCall[] | 'undecided' | 'none' {
    try {
      const { done, value } = this.#attempt!.reading.next();
      return done ? value : 'undecided';
    } catch (error) {
      if (error instanceof Mismatch) return 'none';
      throw error;
    }
  }

  /** Gives out so many characters, but for blanks that a call may follow. */
  *#release(length: number): Generator<AnswerPart, void, undefined> {
    let text = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    if (this.#place !== 'in text') {
      const blanks = (this.#place === 'between' ? BETWEEN_CALLS : BEFORE_CALLS).exec(text)![0];
      if (blanks === text) {
        this.#blanks += text;
        return;
      }
      text = this.#blanks + text;
      this.#blanks = '';
      this.#place = 'in text';
    }
    if (text !== '') yield { text };
  }
}

/** All calls of one pair of brackets, or one call. */
function* takeCalls(source: Source, names: readonly string[]): Reading<ParsedCall[]> {
  const first = yield* peek(source);
  if (first === '<') return [yield* takeTagged(source, names)];
  if (first === '{') return [yield* takeObject(source, names)];
  const calls: ParsedCall[] = [];
  yield* takeList(source, '[', ']', function* () {
    const isObject = (yield* peek(source)) === '{';
    calls.push(isObject ? yield* takeObject(source, names) : yield* takePythonic(source, names));
  });
  if (calls.length === 0) throw new Mismatch();
  return calls;
}

/** `name(key=value, …)` */
function* takePythonic(source: Source, names: readonly string[]): Reading<ParsedCall> {
  const name = yield* takeName(source, names, '(');
  const values = new Map<string, string>();
  yield* takeList(source, '(', ')', function* () {
    const key = yield* takeWhile(source, /[\p{L}\p{N}_]/u);
    yield* skipBlanks(source);
    yield* expectText(source, '=');
    yield* skipBlanks(source);
    if (key === '' || values.has(key)) throw new Mismatch();
    values.set(key, yield* takeLiteral(source));
  });
  return { name, arguments: `{${[...values].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join()}}` };
}

/** `<function=name>{…}</function>`; the end of the answer may stand for the last tag. */
function* takeTagged(source: Source, names: readonly string[]): Reading<ParsedCall> {
  yield* expectText(source, '<function=');
  const name = yield* takeName(source, names, '>');
  yield* expectText(source, '>');
  yield* skipBlanks(source);
  const values = objectOf(yield* takeLiteral(source));
  yield* skipBlanks(source);
  if ((yield* peek(source)) !== '') yield* expectText(source, '</function>');
  return { name, arguments: values };
}

/** `{"name": …, "parameters": {…}}`, the keys in any order; `arguments` for `parameters`, and `"type": "function"`. */
function* takeObject(source: Source, names: readonly string[]): Reading<ParsedCall> {
  let name: string | undefined;
  let values: string | undefined;
  const seen = new Set<string>();
  yield* takeList(source, '{', '}', function* () {
    const key = yield* takeKey(source);
    if (seen.has(key)) throw new Mismatch();
    seen.add(key);
    yield* skipBlanks(source);
    yield* expectText(source, ':');
    yield* skipBlanks(source);
    if (key === 'type') yield* expectText(source, '"function"');
    else if (key === 'name') {
      yield* expectText(source, '"');
      name = yield* takeName(source, names, '"');
      source.at++;
    } else values = objectOf(yield* takeLiteral(source));
  });
  if (name === undefined || values === undefined) throw new Mismatch();
  return { name, arguments: values };
}

const KEYS = ['name', 'parameters', 'arguments', 'type'];

function* takeKey(source: Source): Reading<string> {
  yield* expectText(source, '"');
  const key = yield* takeName(source, KEYS, '"');
  source.at++;
  return key;
}

/** One of `names`, up to the character `end`, which stays unread. Fails as soon as no name begins like that. */
function* takeName(source: Source, names: readonly string[], end: string): Reading<string> {
  let name = '';
  for (;;) {
    const character = yield* peek(source);
    if (character === end && names.includes(name)) return name;
    name += character;
    if (character === '' || !names.some((known) => known.startsWith(name))) throw new Mismatch();
    source.at++;
  }
}

/** Models also write the object as a string of JSON, as some templates show them their own calls. */
function objectOf(json: string): string {
  if (json.startsWith('{')) return json;
  if (!json.startsWith('"')) throw new Mismatch();
  const source: Source = { text: (JSON.parse(json) as string).trim(), at: 0, ended: true };
  const { value } = takeLiteral(source).next();
  if (typeof value !== 'string' || !value.startsWith('{') || source.at < source.text.length) throw new Mismatch();
  return value;
}
