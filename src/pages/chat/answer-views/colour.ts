/** Code as nodes with classes, by highlight.js: its own output is markup, which this page never parses. */
import type { Emitter, LanguageFn } from 'highlight.js';
import highlighter from 'highlight.js/lib/core';
import { create } from '../../shared/dom.ts';

/** Receives what the highlighter finds, in order, and builds the nodes. */
class NodeEmitter implements Emitter {
  readonly root = document.createDocumentFragment();
  readonly #open: Node[] = [this.root];

  /** `scope` such as `title.function`: the first part is the class. */
  startScope(scope: string): void {
    const span = create('span', { className: `hl-${scope.split('.')[0]}` });
    this.#top.appendChild(span);
    this.#open.push(span);
  }

  endScope(): void {
    if (this.#open.length > 1) this.#open.pop();
  }

  addText(text: string): void {
    this.#top.appendChild(new Text(text));
  }

  /** Code of another language inside this one. */
  __addSublanguage({ root }: NodeEmitter): void {
    this.#top.appendChild(root);
  }

  // The highlighter calls these two by both names.
  openNode(scope: string): void {
    this.startScope(scope);
  }

  closeNode(): void {
    this.endScope();
  }

  finalize(): void {}

  toHTML(): string {
    return '';
  }

  get #top(): Node {
    return this.#open.at(-1)!;
  }
}

highlighter.configure({ __emitter: NodeEmitter });

/**
 * @param grammars by name; those that are known already are not read again
 * @returns undefined where the nodes do not spell the code: it then stays as it was
 */
export function colourCode(
  code: string,
  language: string,
  grammars: readonly (readonly [name: string, grammar: LanguageFn])[],
): Node | undefined {
  for (const [name, grammar] of grammars) {
    if (!highlighter.getLanguage(name)) highlighter.registerLanguage(name, grammar);
  }
  const { root } = highlighter.highlight(code, { language, ignoreIllegals: true })._emitter as NodeEmitter;
  return root.textContent === code ? root : undefined;
}
