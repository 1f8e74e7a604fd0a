/** Holds answers to JSON, a JSON schema, calls of tools, or a grammar. What that needs (WASM, 1 MB) is loaded when it is first used. */
import type { Vocabulary } from '../engine/request.ts';
import { OutriderError } from '../errors.ts';
import { abortable } from '../ports/abortable.ts';
import { byteCharacters } from '../tokenizer/bytes.ts';
import type { EncodedVocabulary, GrammarHost } from './masks.ts';
import { type GrammarSpec, grammarOf } from './spec.ts';

export { checkSpec, type GrammarSpec, type ToolSpec } from './spec.ts';

/** Of one model. Compiled grammars are kept, and the vocabulary is sent once. */
export class GrammarEngine {
  readonly #vocabulary: () => Promise<Vocabulary>;
  #host: Promise<GrammarHost> | undefined;
  #isClosed = false;

  /** @param vocabulary asked for with the first grammar */
  constructor(vocabulary: () => Promise<Vocabulary>) {
    this.#vocabulary = vocabulary;
  }

  /**
   * @param signal ends the waiting
   * @param numTokens that a choice may have, 1 or more: an answer that does not end by itself is closed before they run out,
   *   as the grammar allows (open strings, lists and objects; required properties as briefly as possible). Default: it never is; nor is one of an `ebnf` grammar
   * @returns a port on which a `MaskSource` is served, for `GenerateOptions.masks`; the grammar is freed when it is closed
   * @throws OutriderError `invalid_request` for what cannot be enforced or has errors, `worker_failed` where WebAssembly is refused
   *   (`details.wasmRefused`) or the worker fails, `engine_unloaded`; or the signal's reason
   */
  async open(spec: GrammarSpec, signal: AbortSignal, numTokens = Infinity): Promise<MessagePort> {
    const grammar = grammarOf(spec);
    const { port1, port2 } = new MessageChannel();
    try {
      const host = await abortable(this.#started(), signal);
      await abortable(host.serve(grammar, port2, spec.kind === 'ebnf' ? Infinity : numTokens), signal);
      return port1;
    } catch (error) {
      port1.close();
      throw error;
    }
  }

  /** Ends the worker. Ports that are open get no answer any more. */
  close(): void {
    this.#isClosed = true;
    this.#host?.then((host) => host.close()).catch(() => {});
    this.#host = undefined;
  }

  #started(): Promise<GrammarHost> {
    if (this.#isClosed) throw new OutriderError('engine_unloaded', 'The engine was unloaded. Create another.');
    this.#host ??= this.#start().catch((error) => {
      this.#host = undefined; // the next request tries again
      throw error;
    });
    return this.#host;
  }

  async #start(): Promise<GrammarHost> {
    const vocabulary = encode(await this.#vocabulary());
    const { startHost } = typeof Worker === 'function' ? await import('./browser.ts') : await import('./node.ts');
    const host = startHost();
    try {
      await host.prepare(vocabulary);
      return host;
    } catch (error) {
      host.close();
      throw error;
    }
  }
}

const encode = ({ bytes, endIds }: Vocabulary): EncodedVocabulary => ({
  tokens: bytes.map((own) => Array.from(own, (byte) => byteCharacters[byte]!).join('')),
  endIds: [...endIds],
});
