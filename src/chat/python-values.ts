/**
 * How Python would print a template's values. Chat templates are written against Python's Jinja, where `{{ x }}` and
 * `| tojson` show numbers, booleans, lists and None in Python's way; models were trained on that text.
 *
 * JavaScript has one number type: a float without a fraction (1.0) prints as the integer that JSON would send for it.
 */
import type { Interpreter } from '@huggingface/jinja';

/** A value at the template's run time: `type` names its class, `value` holds the content. */
export type Value = ReturnType<Interpreter['evaluate']>;

/** `str(value)`: what `{{ value }}` prints. @param mark see `pythonRepr` */
export function pythonText(value: Value, mark: string): string {
  switch (value.type) {
    case 'StringValue':
      return value.value as string;
    case 'UndefinedValue':
      return '';
    default:
      return pythonRepr(value, mark);
  }
}

/** `repr(value)`. @param mark one character that is never escaped: it stands for a special token */
export function pythonRepr(value: Value, mark: string): string {
  switch (value.type) {
    case 'StringValue':
      return reprString(value.value as string, mark);
    case 'NullValue':
      return 'None';
    case 'UndefinedValue':
      return 'Undefined';
    case 'BooleanValue':
      return value.value ? 'True' : 'False';
    case 'IntegerValue':
      return String(value.value);
    case 'FloatValue':
      return reprFloat(value.value as number);
    case 'ArrayValue':
      return `[${(value.value as Value[]).map((item) => pythonRepr(item, mark)).join(', ')}]`;
    case 'TupleValue': {
      const items = (value.value as Value[]).map((item) => pythonRepr(item, mark));
      return items.length === 1 ? `(${items[0]},)` : `(${items.join(', ')})`;
    }
    case 'ObjectValue': {
      const entries = [...(value.value as Map<string, Value>)];
      return `{${entries.map(([key, item]) => `${reprString(key, mark)}: ${pythonRepr(item, mark)}`).join(', ')}}`;
    }
    default:
      throw new TypeError(`a ${value.type} cannot be printed`);
  }
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function reprString(text: string, mark: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escapeCharacter = (character: string) => {
    if (character === mark || character === ' ') return character;
    if (character === quote) return `\\${quote}`;
    const short = SHORT_ESCAPES[character];
    if (short !== undefined) return short;
    if (!/[\p{C}\p{Z}]/u.test(character)) return character;
    const hex = character.codePointAt(0)!.toString(16);
    if (hex.length <= 2) return `\\x${hex.padStart(2, '0')}`;
    return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
  };
  return quote + Array.from(text, escapeCharacter).join('') + quote;
}

/** Shortest digits that read back equal, as in JavaScript; the exponent starts at 1e16 and below 1e-4. */
function reprFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  const [digits, exponentText] = value.toExponential().split('e') as [string, string];
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const text = Object.is(value, -0) ? '-0' : String(value);
  return text.includes('.') ? text : `${text}.0`;
}

/** Arguments of `tojson`, named as in Transformers. */
export interface JsonStyle {
  /** Blanks per level, or null for one line. */
  readonly indent: number | null;
  /** [between items, after a key]. */
  readonly separators: readonly [string, string];
  readonly sortKeys: boolean;
  readonly ensureAscii: boolean;
}

/** `json.dumps(value)` as Transformers calls it. @throws TypeError for undefined, as Python does. */
export function pythonJson(value: Value, style: JsonStyle, mark: string, depth = 0): string {
  switch (value.type) {
    case 'StringValue':
      return jsonString(value.value as string, style, mark);
    case 'NullValue':
      return 'null';
    case 'BooleanValue':
      return String(value.value);
    case 'IntegerValue':
      return String(value.value);
    case 'FloatValue':
      return reprFloat(value.value as number);
    case 'ArrayValue':
    case 'TupleValue': {
      const items = (value.value as Value[]).map((item) => pythonJson(item, style, mark, depth + 1));
      return jsonContainer('[', items, ']', style, depth);
    }
    case 'ObjectValue': {
      const entries = [...(value.value as Map<string, Value>)];
      if (style.sortKeys) entries.sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
      const items = entries.map(
        ([key, item]) => jsonString(key, style, mark) + style.separators[1] + pythonJson(item, style, mark, depth + 1),
      );
      return jsonContainer('{', items, '}', style, depth);
    }
    default:
      throw new TypeError(`a ${value.type} is not JSON serializable`);
  }
}

function jsonContainer(open: string, items: string[], close: string, style: JsonStyle, depth: number): string {
  if (items.length === 0) return open + close;
  if (style.indent === null) return open + items.join(style.separators[0]) + close;
  const margin = (level: number) => `\n${' '.repeat(style.indent! * level)}`;
  return open + margin(depth + 1) + items.join(style.separators[0] + margin(depth + 1)) + margin(depth) + close;
}

function jsonString(text: string, style: JsonStyle, mark: string): string {
  const json = JSON.stringify(text);
  if (!style.ensureAscii) return json;
  return json.replace(/[\u007f-\uffff]/g, (unit) =>
    unit === mark ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** What `str.isspace` accepts: not U+FEFF, but the separators U+001C to U+001F and U+0085. */
const PYTHON_BLANKS =
  '\t\n\v\f\r\u001c\u001d\u001e\u001f \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009' +
  '\u200a\u2028\u2029\u202f\u205f\u3000';

/** `str.strip`, `lstrip`, `rstrip`. @param characters the set to remove; null means blanks */
export function pythonStrip(text: string, sides: 'both' | 'left' | 'right', characters: string | null): string {
  const set = new Set(characters ?? PYTHON_BLANKS);
  let start = 0;
  let end = text.length;
  if (sides !== 'right') while (start < end && set.has(text[start]!)) start++;
  if (sides !== 'left') while (end > start && set.has(text[end - 1]!)) end--;
  return text.slice(start, end);
}
