/**
 * Parses and prepares a template: special tokens that the template itself writes become marked literals, and the places
 * where Python's Jinja differs from the JavaScript one become nodes that `interpreter.ts` evaluates. Done once, by whoever
 * reads the model: those who render need no parser.
 */
import { type Interpreter, parse, tokenize } from '@huggingface/jinja';
import { createSplitter, type SplitSpecials } from './marks.ts';
import { messageOf, templateError } from './refusal.ts';

/** A node of the library's syntax tree. */
export type Node = NonNullable<Parameters<Interpreter['evaluate']>[0]>;
export type Program = ReturnType<typeof parse>;
/** A node's own fields; which there are depends on `type`. */
export type Fields = Node & Record<string, unknown>;

/** What rendering needs: plain data, which may cross to another thread. */
export interface CompiledTemplate {
  /** Jinja. */
  readonly source: string;
  /** Texts of the special tokens; marked literals hold indices into them. */
  readonly specials: readonly string[];
  readonly program: Program;
}

/** Fields that decide but are never printed. A literal there is compared with what users wrote, so it stays text. */
const DECIDING_FIELDS: Readonly<Record<string, readonly string[]>> = {
  If: ['test'],
  Ternary: ['condition'],
  SelectExpression: ['test'],
  TestExpression: ['operand'],
  MemberExpression: ['property'],
};
const PRINTING_OPERATORS = ['+', '~', '*', 'and', 'or'];

/** Which argument of a filter or string method can be printed; every other one only searches. */
const PRINTED_ARGUMENT: Readonly<Record<string, number>> = { replace: 1, join: 0, default: 0, get: 1 };

const BLOCKS = ['body', 'alternate', 'defaultBlock'];
const STATEMENTS = ['Set', 'If', 'For', 'Macro', 'CallStatement', 'FilterStatement', 'Break', 'Continue', 'Comment'];

/** What Jinja binds in a macro that reads them. The library does so only in a tree of its own objects. */
const CATCH_ALL = ['varargs', 'kwargs'];

/**
 * @param source Jinja
 * @param specials texts of the special tokens
 * @throws OutriderError `template_error` if the source cannot be parsed, or a macro reads `varargs` or `kwargs`
 */
export function compileTemplate(source: string, specials: readonly string[]): CompiledTemplate {
  try {
    const program = structuredClone(parse(tokenize(source, { trim_blocks: true, lstrip_blocks: true })));
    prepare(program, true, createSplitter(specials));
    return { source, specials, program };
  } catch (cause) {
    throw templateError(`The chat template cannot be parsed: ${messageOf(cause)}.`, cause);
  }
}

/**
 * Rewrites a subtree and returns its replacement.
 * @param printed whether the value can become part of the output
 */
function prepare(value: unknown, printed: boolean, split: SplitSpecials): unknown {
  if (Array.isArray(value)) return value.map((item) => prepare(item, printed, split));
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, prepare(item, printed, split)]));
  if (!isNode(value)) return value;
  if (value.type === 'StringLiteral') {
    const pieces = printed ? split(value.value as string) : undefined;
    return pieces ? node('MarkedLiteral', { pieces }) : value;
  }
  // `x | f(y)` holds `f(y)` as a call: its arguments follow a filter's rules.
  if (isNode(value.filter)) value.filter.isFilter = true;
  for (const [name, child] of Object.entries(value)) {
    value[name] = name === 'args' ? child : prepare(child, printed && isPrinted(value, name), split);
  }
  prepareArguments(value, printed, split);
  for (const name of BLOCKS) {
    const block = value[name];
    if (Array.isArray(block)) value[name] = block.map(printStatement);
  }
  if (value.type === 'Macro' || value.type === 'CallStatement') refuseCatchAll(value);
  if (value.type === 'For') {
    value.iterable = wrapIterable(value.iterable as Fields);
    (value.body as Fields[]).unshift(node('Turn'));
  }
  return value;
}

function prepareArguments(call: Fields, printed: boolean, split: SplitSpecials): void {
  if (!Array.isArray(call.args)) return;
  const name = searchingName(call);
  call.args = call.args.map((argument, index) =>
    prepare(argument, printed && (name === undefined || PRINTED_ARGUMENT[name] === index), split),
  );
}

/** The name of a method or filter; undefined for a macro or another function, whose arguments may all be printed. */
function searchingName(call: Fields): string | undefined {
  const callee = call.callee as Fields | undefined;
  if (callee?.type === 'MemberExpression') return String((callee.property as Fields).value);
  return call.isFilter ? String(callee?.value) : undefined;
}

function isPrinted(node: Fields, field: string): boolean {
  if (node.type === 'BinaryExpression') return PRINTING_OPERATORS.includes((node.operator as { value: string }).value);
  return !DECIDING_FIELDS[node.type]?.includes(field);
}

function printStatement(statement: Fields): Fields {
  return STATEMENTS.includes(statement.type) ? statement : node('Output', { expression: statement });
}

/** `for x in y if z` keeps y in `lhs`. */
function wrapIterable(iterable: Fields): Fields {
  if (iterable.type !== 'SelectExpression') return node('Iterable', { expression: iterable });
  iterable.lhs = node('Iterable', { expression: iterable.lhs });
  return iterable;
}

function refuseCatchAll(macro: Fields): void {
  const own = (((macro.type === 'Macro' ? macro.args : macro.callerArgs) ?? []) as Fields[]).map(nameOf);
  const read = CATCH_ALL.find((name) => !own.includes(name) && reads(macro.body, name));
  if (read !== undefined) throw new SyntaxError(`${read} of a macro is not supported`);
}

/** Of a parameter, which has a default or none. */
const nameOf = (parameter: Fields) => (parameter.key as Fields | undefined)?.value ?? parameter.value;

/** Whether a variable of this name stands anywhere in a subtree. */
function reads(value: unknown, name: string): boolean {
  if (Array.isArray(value)) return value.some((item) => reads(item, name));
  if (value instanceof Map) return reads([...value].flat(), name);
  if (!isNode(value)) return false;
  return value.type === 'Identifier' ? value.value === name : reads(Object.values(value), name);
}

const node = (type: string, fields: Record<string, unknown> = {}): Fields => ({ ...fields, type }) as Fields;

const isNode = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
