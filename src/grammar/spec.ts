/** What an answer may be held to, and the grammar that does. */
import { OutriderError } from '../errors.ts';
import { writeOutClasses } from './ebnf.ts';
import { Rules, type Sequence } from './rules.ts';
import { schemaRule } from './schema.ts';

/** A function that may be called. */
export interface ToolSpec {
  readonly name: string;
  /** JSON schema of its arguments, which are an object; undefined: it takes none. */
  readonly parameters?: unknown;
}

export type GrammarSpec =
  /** Any JSON object. */
  | { readonly kind: 'json' }
  | { readonly kind: 'json_schema'; readonly schema: unknown; readonly name?: string | undefined }
  /** xgrammar's EBNF; begins with the rule `root`. */
  | { readonly kind: 'ebnf'; readonly grammar: string }
  /** One call of one of the functions, or if `parallel` one or more, one right after the other, as Llama 4's template writes them. */
  | { readonly kind: 'tools'; readonly tools: readonly ToolSpec[]; readonly parallel: boolean };

/**
 * Refuses what cannot be held to, without loading anything. An `ebnf` grammar's syntax shows only when it is opened.
 * @throws OutriderError `invalid_request`; for a schema it names keyword and place, which `details` have too
 */
export function checkSpec(spec: GrammarSpec): void {
  grammarOf(spec);
}

export interface GrammarText {
  /** In xgrammar's EBNF. */
  readonly text: string;
  /** Texts that may bring an answer nearer to its end. */
  readonly waysOut: readonly string[];
}

/** @throws OutriderError as `checkSpec` */
export function grammarOf(spec: GrammarSpec): GrammarText {
  if (spec.kind === 'ebnf') {
    if (spec.grammar.trim() !== '') return { text: writeOutClasses(spec.grammar), waysOut: [] };
    throw new OutriderError('invalid_request', 'The grammar is empty; it needs at least a rule "root".');
  }
  const rules = new Rules();
  const text = rules.toText(rootRule(rules, spec));
  if (text !== undefined) return { text, waysOut: [...rules.waysOut] };
  const what = spec.kind === 'tools' ? 'No tool has arguments' : 'The JSON schema has no value';
  throw new OutriderError(
    'invalid_request',
    `${what} that can be written: its keywords contradict each other, or it goes on without end. Loosen them.`,
  );
}

function rootRule(rules: Rules, spec: Exclude<GrammarSpec, { kind: 'ebnf' }>): string {
  if (spec.kind === 'json') return schemaRule(rules, {}, { objectsOnly: true });
  if (spec.kind === 'json_schema') return schemaRule(rules, spec.schema);
  if (spec.tools.length === 0)
    throw new OutriderError('invalid_request', 'There is no tool to call; give at least one.');
  const call = rules.fresh(spec.tools.map((tool, index) => callOf(rules, tool, index)));
  return rules.fresh([[{ repeat: [{ rule: call }], min: 1, max: spec.parallel ? Infinity : 1 }]]);
}

/** In the very letters of the template. Arguments are an object, whatever else their schema would allow. */
function callOf(rules: Rules, { name, parameters = {} }: ToolSpec, index: number): Sequence {
  const isUnsaid = typeof parameters === 'object' && parameters !== null && Object.keys(parameters).length === 0;
  const schema = isUnsaid ? { additionalProperties: false } : parameters;
  return [
    { text: `{"name": ${JSON.stringify(name)}, "parameters": ` },
    { rule: schemaRule(rules, schema, { name: `tools[${index}].function.parameters`, objectsOnly: true }) },
    { text: '}' },
  ];
}
