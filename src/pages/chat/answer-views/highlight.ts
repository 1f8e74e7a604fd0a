/**
 * Colours of code in answers. Grammars are fetched when the first block of their language is finished, and nothing before
 * that; a block in a language that is not here stays plain.
 */
import type { LanguageFn } from 'highlight.js';
import { loadStyles } from '../../shared/styles.ts';
import styles from './views.css?url';

type Grammar = () => Promise<{ readonly default: LanguageFn }>;

const javascript: Grammar = () => import('highlight.js/lib/languages/javascript');
const typescript: Grammar = () => import('highlight.js/lib/languages/typescript');
const bash: Grammar = () => import('highlight.js/lib/languages/bash');
const cpp: Grammar = () => import('highlight.js/lib/languages/cpp');
const css: Grammar = () => import('highlight.js/lib/languages/css');
const xml: Grammar = () => import('highlight.js/lib/languages/xml');

/** Under the names that answers use. */
const grammars: Readonly<Record<string, Grammar>> = {
  javascript,
  js: javascript,
  jsx: javascript,
  mjs: javascript,
  typescript,
  ts: typescript,
  tsx: typescript,
  python: () => import('highlight.js/lib/languages/python'),
  json: () => import('highlight.js/lib/languages/json'),
  bash,
  sh: bash,
  shell: bash,
  css,
  html: xml,
  xml,
  svg: xml,
  c: cpp,
  cpp,
  'c++': cpp,
  rust: () => import('highlight.js/lib/languages/rust'),
  go: () => import('highlight.js/lib/languages/go'),
  java: () => import('highlight.js/lib/languages/java'),
  sql: () => import('highlight.js/lib/languages/sql'),
  yaml: () => import('highlight.js/lib/languages/yaml'),
  diff: () => import('highlight.js/lib/languages/diff'),
};
const aliases: Readonly<Record<string, string>> = { py: 'python', rs: 'rust', yml: 'yaml', patch: 'diff' };

/** UTF-16 units; colouring is done in one go, and must not hold up the page. */
const longest = 50_000;

/** The coloured code; undefined where its language is not known. Rejects where a grammar cannot be fetched. */
export function highlight(code: string, language: string): Promise<Node | undefined> | undefined {
  const asked = language.toLowerCase();
  const name = Object.hasOwn(aliases, asked) ? aliases[asked]! : asked;
  if (!Object.hasOwn(grammars, name) || code.length > longest) return undefined;
  return colour(code, name, grammars[name]!);
}

async function colour(code: string, name: string, load: Grammar): Promise<Node | undefined> {
  // HTML holds scripts and style sheets.
  const inside: Readonly<Record<string, Grammar>> = load === xml ? { javascript, css } : {};
  const needed = Object.entries({ [name]: load, ...inside });
  const [{ colourCode }, , ...loaded] = await Promise.all([
    import('./colour.ts'),
    loadStyles(styles),
    ...needed.map(([, grammar]) => grammar()),
  ]);
  return colourCode(
    code,
    name,
    needed.map(([key], at) => [key, loaded[at]!.default]),
  );
}
