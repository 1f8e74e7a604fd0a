/** The library's interpreter with Python's semantics where chat templates notice the difference. */
import { type Environment, Interpreter } from '@huggingface/jinja';
import type { Marks } from './marks.ts';
import type { Fields, Node } from './program.ts';
import { type JsonStyle, pythonJson, pythonStrip, pythonText, type Value } from './python-values.ts';

const ITERABLE_TYPES = ['StringValue', 'ArrayValue', 'TupleValue', 'ObjectValue'];
const STRIP_SIDES = { strip: 'both', lstrip: 'left', rstrip: 'right' } as const;

/** Evaluates programs prepared by `compileTemplate`. Throws plain errors; `template.ts` gives them a code. */
export class PythonInterpreter extends Interpreter {
  readonly #marks: Marks;
  /** Characters printed so far, and how many there were when the current loop's current turn began. */
  #printed = 0;
  #turnStart = 0;

  constructor(environment: Environment, marks: Marks) {
    super(environment);
    this.#marks = marks;
  }

  override evaluate(statement: Node | undefined, environment: Environment): Value {
    const node = statement as Fields | undefined;
    switch (node?.type) {
      case 'MarkedLiteral':
        return this.#string(this.#marks.literal(node.pieces as (string | number)[]), environment);
      case 'Constant':
        return node.value as Value;
      case 'Output':
        return this.#output(node, environment);
      case 'For':
        return this.#loop(node, environment);
      case 'Turn':
        this.#turnStart = this.#printed;
        return super.evaluate(literal('Comment', ''), environment);
      case 'Break':
      case 'Continue':
        return this.#leaveTurn(node, environment);
      case 'Iterable':
        return this.#iterable(this.#child(node, 'expression', environment), environment);
      case 'FilterExpression':
        return this.#filter(node, environment);
      case 'TestExpression':
        return this.#test(node, environment);
      case 'MemberExpression':
        return this.#member(node, environment);
      case 'CallExpression':
        return this.#call(node, environment);
      case 'BinaryExpression':
        return this.#binary(node, environment);
      default:
        return super.evaluate(node, environment);
    }
  }

  #child(node: Fields, field: string, environment: Environment): Value {
    return this.evaluate(node[field] as Node, environment);
  }

  #text(value: Value): string {
    return pythonText(value, this.#marks.character);
  }

  // The library exports no value classes; literals are how to get one.
  #string(value: string, environment: Environment): Value {
    return super.evaluate(literal('StringLiteral', value), environment);
  }

  #output(node: Fields, environment: Environment): Value {
    const text = this.#text(this.#child(node, 'expression', environment));
    this.#printed += text.length;
    return this.#string(text, environment);
  }

  #loop(node: Fields, environment: Environment): Value {
    const outer = this.#turnStart;
    const value = super.evaluate(node, environment);
    this.#turnStart = outer;
    return value;
  }

  /** The library drops what a loop's turn has printed before `break` or `continue`: a wrong prompt, so refuse. */
  #leaveTurn(node: Fields, environment: Environment): Value {
    if (this.#printed === this.#turnStart) return super.evaluate(node, environment);
    throw new SyntaxError(
      `${node.type.toLowerCase()} after text was printed in the same turn of a loop is not supported`,
    );
  }

  /** Python iterates over nothing where a value is undefined, and over the characters of a string. */
  #iterable(value: Value, environment: Environment): Value {
    if (value.type !== 'UndefinedValue' && value.type !== 'StringValue') return value;
    const characters = value.type === 'StringValue' ? Array.from(value.value as string) : [];
    const items = characters.map((character) => literal('StringLiteral', character));
    return super.evaluate(literal('ArrayLiteral', items), environment);
  }

  #filter(node: Fields, environment: Environment): Value {
    const filter = node.filter as Fields;
    const name = (filter.type === 'CallExpression' ? (filter.callee as Fields) : filter).value;
    const operand = this.#child(node, 'operand', environment);
    if (name === 'tojson') {
      const style = this.#jsonStyle((filter.args ?? []) as Fields[], environment);
      return this.#string(pythonJson(operand, style, this.#marks.character), environment);
    }
    if (filter.type === 'Identifier' && name === 'trim') {
      return this.#string(pythonStrip(this.#text(operand), 'both', null), environment);
    }
    if (filter.type === 'Identifier' && name === 'string') return this.#string(this.#text(operand), environment);
    return super.evaluate(withFields(node, { operand: constant(operand) }), environment);
  }

  #jsonStyle(args: readonly Fields[], environment: Environment): JsonStyle {
    const named = new Map<unknown, unknown>();
    for (const argument of args) {
      if (argument.type !== 'KeywordArgumentExpression') throw new TypeError('tojson takes named arguments only');
      named.set((argument.key as Fields).value, plain(this.#child(argument, 'value', environment)));
    }
    const indent = (named.get('indent') ?? null) as number | null;
    const separators = (named.get('separators') ?? [indent === null ? ', ' : ',', ': ']) as [string, string];
    const [sortKeys, ensureAscii] = ['sort_keys', 'ensure_ascii'].map((name) => named.get(name) === true);
    return { indent, separators, sortKeys: sortKeys!, ensureAscii: ensureAscii! };
  }

  #test(node: Fields, environment: Environment): Value {
    if ((node.test as Fields).value !== 'iterable') return super.evaluate(node, environment);
    const operand = this.#child(node, 'operand', environment);
    // The library makes the boolean, of a test with a known answer: an undefined value is iterable in Python.
    const test = ITERABLE_TYPES.includes(operand.type) ? 'defined' : 'undefined';
    return super.evaluate(
      withFields(node, { operand: constant(operand), test: literal('Identifier', test) }),
      environment,
    );
  }

  /** The library reads any field of undefined as undefined; Python refuses. */
  #member(node: Fields, environment: Environment): Value {
    const object = this.#child(node, 'object', environment);
    if (object.type === 'UndefinedValue') {
      const { value } = node.property as Fields;
      throw new TypeError(`a value is undefined where the template reads its ${JSON.stringify(value ?? 'items')}`);
    }
    return super.evaluate(withFields(node, { object: constant(object) }), environment);
  }

  /** The library's strip methods ignore their argument. */
  #call(node: Fields, environment: Environment): Value {
    const callee = node.callee as Fields;
    const method =
      callee.type === 'MemberExpression' && !callee.computed ? (callee.property as Fields).value : undefined;
    if (method !== 'strip' && method !== 'lstrip' && method !== 'rstrip') return super.evaluate(node, environment);
    const object = this.#child(callee, 'object', environment);
    if (object.type !== 'StringValue') throw new TypeError(`a ${object.type} has no ${method}()`);
    const [argument] = node.args as Node[];
    const characters = argument ? (this.evaluate(argument, environment).value as string | null) : null;
    return this.#string(pythonStrip(object.value as string, STRIP_SIDES[method], characters), environment);
  }

  /** `~` prints both sides in Python's way; `+` joins strings with strings only. */
  #binary(node: Fields, environment: Environment): Value {
    const operator = (node.operator as { value: string }).value;
    if (operator !== '~' && operator !== '+') return super.evaluate(node, environment);
    const left = this.#child(node, 'left', environment);
    const right = this.#child(node, 'right', environment);
    if (operator === '~') return this.#string(this.#text(left) + this.#text(right), environment);
    if ((left.type === 'StringValue') !== (right.type === 'StringValue')) {
      throw new TypeError(`cannot add a ${right.type} to a ${left.type}`);
    }
    return super.evaluate(withFields(node, { left: constant(left), right: constant(right) }), environment);
  }
}

const literal = (type: string, value: unknown) => ({ type, value }) as Node;

/** A value that is evaluated already: the library evaluates operands itself, and twice would be exponential. */
const constant = (value: Value) => literal('Constant', value);

const withFields = (node: Fields, fields: Record<string, unknown>) => ({ ...node, ...fields }) as Node;

/** The JavaScript value of a scalar or a list of scalars. */
function plain(value: Value): unknown {
  return Array.isArray(value.value) ? value.value.map((item) => item.value) : value.value;
}
