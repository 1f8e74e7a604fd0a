/** What the engine's types show of `@huggingface/jinja`, which is bundled: in the package this stands in its place. */

/** A node of a template's syntax tree. */
export interface Statement {
  readonly type: string;
}

export interface Interpreter {
  evaluate(statement: Statement | undefined): unknown;
}

export declare function parse(tokens: readonly unknown[]): Statement;
