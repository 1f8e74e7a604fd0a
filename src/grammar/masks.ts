/** Which ids a grammar allows, by xgrammar (WASM): a vocabulary that is prepared once, compiled grammars, and who asks. */
import type { CompiledGrammar, GrammarCompiler, GrammarMatcher } from '@mlc-ai/web-xgrammar';
import type { MaskSource } from '../engine/request.ts';
import { OutriderError } from '../errors.ts';
import { answerCalls } from '../ports/calls.ts';
import { Closing, ClosingIds, maskOf } from './closing.ts';
import type { GrammarText } from './spec.ts';

/** The library, however it was loaded. */
export type Xgrammar = typeof import('@mlc-ai/web-xgrammar');

/** Grammars that stay compiled; the least recently used goes first. */
const MAX_COMPILED = 16;

/** The vocabulary as the library takes it. */
export interface EncodedVocabulary {
  /** In the byte-level alphabet, '' for special tokens. [numTokens] */
  readonly tokens: string[];
  readonly endIds: number[];
}

/** Where grammars are compiled: a worker, or under Node this thread. */
export interface GrammarHost {
  prepare(vocabulary: EncodedVocabulary): Promise<void>;
  /** @param port moves @param numTokens that a choice may have; Infinity where that is not known */
  serve(grammar: GrammarText, port: MessagePort, numTokens: number): Promise<void>;
  close(): void;
}

type Mask = Uint32Array<ArrayBuffer>;

interface Compiled {
  readonly grammar: Promise<CompiledGrammar>;
  /** Ports that use it. */
  users: number;
}

/** What `GrammarEngine` calls, here or through a port. */
export class MaskServer {
  readonly #load: (say: (line: string) => void) => Promise<Xgrammar>;
  /** What the library said last: it throws "Aborted()" for whatever is wrong with a grammar, and writes the reason to the console. */
  #lastWords = '';
  /** In the order of their last use. */
  readonly #compiled = new Map<string, Compiled>();
  #prepared: Promise<{ library: Xgrammar; compiler: GrammarCompiler }> | undefined;
  #endIds: readonly number[] = [];
  #closing: ClosingIds | undefined;

  /** @param load called with the first vocabulary; @param say is told what the library would write to the console */
  constructor(load: (say: (line: string) => void) => Promise<Xgrammar>) {
    this.#load = load;
  }

  /** Once, before `serve`. @throws OutriderError `worker_failed` where WebAssembly is refused, or the library fails */
  async prepare({ tokens, endIds }: EncodedVocabulary): Promise<void> {
    this.#endIds = endIds;
    this.#closing = new ClosingIds(tokens, endIds);
    this.#prepared = this.#prepare(tokens, endIds);
    await this.#prepared;
  }

  /**
   * Answers a `MaskSource`'s calls on `port` until it is closed.
   * @param numTokens that a choice may have: before they run out, it is brought to an end (closing.ts)
   * @throws OutriderError `invalid_request` where the grammar has errors
   */
  async serve({ text, waysOut }: GrammarText, port: MessagePort, numTokens: number): Promise<void> {
    const compiled = this.#compile(text);
    compiled.users++;
    const { library } = await this.#prepared!;
    let grammar: CompiledGrammar;
    try {
      grammar = await compiled.grammar;
    } catch (error) {
      port.close();
      throw error;
    }
    const source = new GrammarMasks(library, grammar, this.#endIds, this.#closing!, waysOut, numTokens);
    // Not every browser tells of a port's end: then the choice's own end frees it.
    port.addEventListener('close', () => {
      source.free();
      compiled.users--;
      this.#forget();
    });
    answerCalls(port, source);
  }

  async #prepare(tokens: string[], endIds: number[]) {
    await checkWebAssembly();
    try {
      const library = await this.#load((line) => {
        if (!line.startsWith('Aborted')) this.#lastWords = line;
      });
      const info = await library.TokenizerInfo.createTokenizerInfo(tokens, 'byte_level', false, tokens.length, endIds);
      // Its own cache has no bound.
      return { library, compiler: await library.GrammarCompiler.createGrammarCompiler(info, false) };
    } catch (cause) {
      throw new OutriderError('worker_failed', `The grammar library failed to start: ${cause}. Ask again.`, { cause });
    }
  }

  #compile(text: string): Compiled {
    const known = this.#compiled.get(text);
    this.#compiled.delete(text);
    const compiled = known ?? { grammar: this.#compileText(text), users: 0 };
    this.#compiled.set(text, compiled);
    compiled.grammar.catch(() => this.#compiled.delete(text));
    return compiled;
  }

  async #compileText(text: string): Promise<CompiledGrammar> {
    const { library, compiler } = await this.#prepared!;
    try {
      this.#lastWords = '';
      const grammar = await library.Grammar.fromEBNF(text);
      const compiled = await compiler.compileGrammar(grammar);
      grammar.dispose();
      return compiled;
    } catch (cause) {
      const problem = this.#lastWords.replace(/^\[\w+\] \S+:\d+: /, '') || String(cause);
      throw new OutriderError('invalid_request', `The grammar has an error: ${problem}. Correct it.`, { cause });
    }
  }

  /** Frees what nobody uses and is too much. */
  #forget(): void {
    for (const [text, { grammar, users }] of this.#compiled) {
      if (this.#compiled.size <= MAX_COMPILED) return;
      if (users > 0) continue;
      this.#compiled.delete(text);
      void grammar.then((compiled) => compiled.dispose());
    }
  }
}

/** One request's masks. */
class GrammarMasks implements MaskSource {
  readonly #library: Xgrammar;
  readonly #grammar: CompiledGrammar;
  readonly #endIds: readonly number[];
  readonly #closingIds: ClosingIds;
  readonly #waysOut: readonly string[];
  readonly #numTokens: number;
  #matcher: GrammarMatcher | undefined;
  #closing: Closing | undefined;

  constructor(
    library: Xgrammar,
    grammar: CompiledGrammar,
    endIds: readonly number[],
    closingIds: ClosingIds,
    waysOut: readonly string[],
    numTokens: number,
  ) {
    this.#library = library;
    this.#grammar = grammar;
    this.#endIds = endIds;
    this.#closingIds = closingIds;
    this.#waysOut = waysOut;
    this.#numTokens = numTokens;
  }

  async start(): Promise<Mask> {
    this.free();
    this.#matcher = await this.#library.GrammarMatcher.createGrammarMatcher(this.#grammar, [...this.#endIds]);
    this.#closing = new Closing(this.#closingIds, this.#matcher, this.#waysOut, this.#numTokens);
    const mask = maskOf(await this.#matcher.getNextTokenBitmask());
    if (mask.some((word) => word !== 0)) return (await this.#closing.narrow(mask)) ?? mask;
    throw new OutriderError('invalid_request', 'The grammar matches no text at all. Correct it.');
  }

  async accept(id: number): Promise<Mask | undefined> {
    const matcher = this.#matcher;
    if (!matcher?.acceptToken(id)) {
      throw new OutriderError('invalid_request', `Token ${id} was chosen where the grammar does not allow it.`, {
        details: { id },
      });
    }
    this.#closing!.count();
    const mask = matcher.isTerminated() ? undefined : maskOf(await matcher.getNextTokenBitmask());
    const next = mask && this.#closingIds.goesOn(mask) ? await this.#closing!.narrow(mask) : undefined;
    if (!next) this.free();
    return next;
  }

  free(): void {
    this.#matcher?.dispose();
    this.#matcher = undefined;
  }
}

/** The smallest module there is: what refuses it refuses WebAssembly. */
async function checkWebAssembly(): Promise<void> {
  try {
    await WebAssembly.compile(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
  } catch (cause) {
    const message =
      "The page's Content-Security-Policy refuses WebAssembly, which JSON schemas and grammars need. Add " +
      "'wasm-unsafe-eval' to its script-src, or ask without response_format, grammar and a forced tool_choice.";
    throw new OutriderError('worker_failed', message, { cause, details: { wasmRefused: true } });
  }
}
