/**
 * Reads the literals in which models write the arguments of calls, JSON's and Python's alike, and gives them back as
 * JSON. Text may come in pieces: every reader is a generator that yields while it needs more, so that nothing is read
 * twice, and fails at the first character that no literal can have.
 */

/** Yields when all text so far is read and more may come. */
export type Reading<T> = Generator<void, T, void>;

/** What is read, and how far. `text` grows; once `ended` is true it does not. */
export interface Source {
  text: string;
  at: number;
  ended: boolean;
}

/** Thrown by readers at the first character that does not fit. */
export class Mismatch extends Error {}

/** Deeper values are refused: they would exhaust the stack, and no function takes them. */
const MAX_DEPTH = 64;

/** The next character, '' at the end; it stays unread. */
export function* peek(source: Source): Reading<string> {
  while (source.at >= source.text.length) {
    if (source.ended) return '';
    yield;
  }
  return source.text[source.at]!;
}

/** Takes exactly `text`. */
export function* expectText(source: Source, text: string): Reading<void> {
  for (const character of text) {
    if ((yield* peek(source)) !== character) throw new Mismatch();
    source.at++;
  }
}

export function* skipBlanks(source: Source): Reading<void> {
  while (/\s/.test(yield* peek(source))) source.at++;
}

/** Takes characters while they match. */
export function* takeWhile(source: Source, pattern: RegExp): Reading<string> {
  const start = source.at;
  while (pattern.test(yield* peek(source))) source.at++;
  return source.text.slice(start, source.at);
}

/**
 * Takes items that stand between the characters `open` and `close`, with commas between them; one may follow the last.
 * @param item takes one
 */
export function* takeList(source: Source, open: string, close: string, item: () => Reading<void>): Reading<void> {
  yield* expectText(source, open);
  yield* skipBlanks(source);
  while ((yield* peek(source)) !== close) {
    yield* item();
    yield* skipBlanks(source);
    if ((yield* peek(source)) === close) break;
    yield* expectText(source, ',');
    yield* skipBlanks(source);
  }
  source.at++;
}

/**
 * A string, number, list or dictionary, True, False or None (true, false or null).
 * @returns the same as compact JSON; numbers keep their digits
 */
export function* takeLiteral(source: Source, depth = 0): Reading<string> {
  if (depth > MAX_DEPTH) throw new Mismatch();
  const first = yield* peek(source);
  if (first === '"' || first === "'") return JSON.stringify(yield* takeString(source));
  if (first === '{') return yield* takeDictionary(source, depth);
  if (first === '[') {
    const items: string[] = [];
    yield* takeList(source, '[', ']', function* () {
      items.push(yield* takeLiteral(source, depth + 1));
    });
    return `[${items.join()}]`;
  }
  return /[\d.+-]/.test(first) ? yield* takeNumber(source) : yield* takeWord(source);
}

function* takeDictionary(source: Source, depth: number): Reading<string> {
  const entries: string[] = [];
  yield* takeList(source, '{', '}', function* () {
    const key = yield* takeString(source);
    yield* skipBlanks(source);
    yield* expectText(source, ':');
    yield* skipBlanks(source);
    entries.push(`${JSON.stringify(key)}:${yield* takeLiteral(source, depth + 1)}`);
  });
  return `{${entries.join()}}`;
}

const WORDS: Readonly<Record<string, string>> = {
  True: 'true',
  False: 'false',
  None: 'null',
  true: 'true',
  false: 'false',
  null: 'null',
};

function* takeWord(source: Source): Reading<string> {
  let word = '';
  while (!Object.hasOwn(WORDS, word)) {
    const character = yield* peek(source);
    word += character;
    if (character === '' || !Object.keys(WORDS).some((known) => known.startsWith(word))) throw new Mismatch();
    source.at++;
  }
  return WORDS[word]!;
}

/** Python's decimal numbers; JSON has neither underscores nor a leading plus nor a dot at an end. */
function* takeNumber(source: Source): Reading<string> {
  const sign = yield* takeWhile(source, /[+-]/);
  const whole = yield* takeWhile(source, /[\d_]/);
  let text = `${sign.replace(/^\+/, '')}${whole || '0'}`;
  let fraction = '';
  if ((yield* peek(source)) === '.') {
    source.at++;
    fraction = yield* takeWhile(source, /[\d_]/);
    text += `.${fraction || '0'}`;
  }
  if (whole + fraction === '') throw new Mismatch();
  if (/[eE]/.test(yield* peek(source))) {
    source.at++;
    text += `e${yield* takeWhile(source, /[+-]/)}${yield* takeWhile(source, /\d/)}`;
  }
  const number = text.replaceAll('_', '');
  if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/.test(number)) throw new Mismatch();
  return number;
}

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ '"': '"', "'": "'", '\\': '\\', '/': '/', '\n': '' },
  ...{ a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
};
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** Between single, double or three quotes; raw line breaks are taken as they are. */
export function* takeString(source: Source): Reading<string> {
  const mark = yield* peek(source);
  if (mark !== '"' && mark !== "'") throw new Mismatch();
  const quote = yield* takeQuote(source, mark);
  if (quote === '') return '';
  let text = '';
  let marks = 0; // in a row at the end
  while (marks < quote.length) {
    const character = yield* peek(source);
    if (character === '') throw new Mismatch();
    source.at++;
    text += character === '\\' ? yield* takeEscape(source) : character;
    marks = character === mark ? marks + 1 : 0;
  }
  return text.slice(0, -quote.length);
}

/** @returns what closes the string; '' if it is closed already */
function* takeQuote(source: Source, mark: string): Reading<string> {
  source.at++;
  if ((yield* peek(source)) !== mark) return mark;
  source.at++;
  if ((yield* peek(source)) !== mark) return '';
  source.at++;
  return mark.repeat(3);
}

/** What stands after a backslash. An unknown escape stands for itself, as in Python. */
function* takeEscape(source: Source): Reading<string> {
  const kind = yield* peek(source);
  if (kind === '' || kind === 'N') throw new Mismatch(); // names of characters would need Unicode's table
  if (/[0-7]/.test(kind)) return yield* takeOctal(source);
  source.at++;
  const digits = HEX_DIGITS[kind];
  if (digits === undefined) return ESCAPES[kind] ?? `\\${kind}`;
  let hex = '';
  while (hex.length < digits) {
    const digit = yield* peek(source);
    if (!/[\da-fA-F]/.test(digit)) throw new Mismatch();
    hex += digit;
    source.at++;
  }
  const code = Number.parseInt(hex, 16);
  if (code > 0x10ffff) throw new Mismatch();
  return digits === 4 ? String.fromCharCode(code) : String.fromCodePoint(code);
}

function* takeOctal(source: Source): Reading<string> {
  let octal = '';
  while (octal.length < 3 && /[0-7]/.test(yield* peek(source))) octal += source.text[source.at++];
  return String.fromCharCode(Number.parseInt(octal, 8));
}
