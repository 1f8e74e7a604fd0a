/**
 * The reference's regular expressions (Oniguruma, in Unicode mode) in JavaScript's. The two agree on the syntax that
 * byte-level tokenizers are written in, but for what is rewritten here; whatever else may mean another thing is refused.
 */

/** The opening of a group, a property, an escape, or a character. An escape that is not known leaves a lone backslash. */
const ELEMENT = /\(\?(?:i:|:|<?[=!])|\\[pP]\{\w+\}|\\[sSdDrntfv]|\\[^\w]|./gsu;

/** JavaScript's own `\s` has U+FEFF and lacks U+0085, its `\d` is ASCII, and its `.` stops at more than a line feed. */
const REWRITTEN: Readonly<Record<string, string>> = {
  '\\s': '\\p{White_Space}',
  '\\S': '\\P{White_Space}',
  '\\d': '\\p{Nd}',
  '\\D': '\\P{Nd}',
};

/** Letters outside of ASCII that fold onto ASCII: long s and the Kelvin sign. */
const FOLDED: Readonly<Record<string, string>> = { s: '\u017f', k: '\u212a' };

/** @throws SyntaxError for syntax that is not translated, or that JavaScript refuses too */
export function translatePattern(pattern: string): RegExp {
  let translated = '';
  let classAt = -1; // where the open character class begins in `translated`
  const folding: boolean[] = []; // of the open groups: whether case is ignored
  for (const { 0: element, index } of pattern.matchAll(ELEMENT)) {
    const folds = folding.at(-1) ?? false;
    const inClass = classAt >= 0;
    const isEmpty = inClass && element === ']' && /^\[\^?$/.test(translated.slice(classAt));
    if (isEmpty || !isSupported(pattern.slice(index), element, inClass, folds)) {
      throw new SyntaxError(`the pattern has "${pattern.slice(index, index + 9)}", which is not supported`);
    }
    if (inClass) {
      if (element === ']') classAt = -1;
    } else if (element === '[') classAt = translated.length;
    else if (element.startsWith('(')) folding.push(folds || element === '(?i:');
    else if (element === ')') folding.pop();
    translated += translate(element, inClass, folds);
  }
  return new RegExp(translated, 'gu');
}

/** @param rest the pattern from `element` on */
function isSupported(rest: string, element: string, inClass: boolean, folds: boolean): boolean {
  if (element === '\\') return false;
  if (folds && (/^\\p|[^\0-\x7f]/iu.test(element) || (inClass && element === '-'))) return false;
  if (inClass) return element !== '[' && !rest.startsWith('&&');
  return element !== '^' && element !== '$' && !(element === '(' && rest.startsWith('(?'));
}

function translate(element: string, inClass: boolean, folds: boolean): string {
  if (folds && /^[a-z]$/i.test(element)) {
    const lower = element.toLowerCase();
    const cases = lower + lower.toUpperCase() + (FOLDED[lower] ?? '');
    return inClass ? cases : `[${cases}]`;
  }
  if (!inClass && element === '.') return '[^\\n]';
  if (!inClass && element === '(?i:') return '(?:';
  // JavaScript lets only syntax be escaped.
  return REWRITTEN[element] ?? (/^\\[^\w^$\\.*+?()[\]{}|/-]/.test(element) ? element.slice(1) : element);
}
