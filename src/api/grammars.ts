/** How requests get the masks of a grammar; what makes them is loaded with the first request that needs one. */
import type { TextEngine } from '../engine/request.ts';
import { OutriderError } from '../errors.ts';
import type { GrammarEngine, GrammarSpec } from '../grammar/grammar.ts';
import { abortable, Interruption, linkSignals } from '../ports/abortable.ts';

export type { GrammarSpec } from '../grammar/grammar.ts';

export interface Grammars {
  /**
   * @returns a port where a `MaskSource` is served, for `GenerateOptions.masks`
   * @throws OutriderError as `GrammarEngine.open` does; `details.param` of `invalid_request` is the request's field
   */
  open(spec: GrammarSpec, signal: AbortSignal, numTokens?: number): Promise<MessagePort>;
  /** Those that are being opened reject with an `AbortError`. */
  interrupt(): void;
  /** Frees what was loaded. */
  close(): void;
}

/** The field that asks for it. */
const PARAMS: Readonly<Record<GrammarSpec['kind'], string>> = {
  json: 'response_format',
  json_schema: 'response_format',
  ebnf: 'grammar',
  tools: 'tools',
};

export function createGrammars(engine: Pick<TextEngine, 'vocabulary'>): Grammars {
  const interruption = new Interruption();
  let loading: Promise<GrammarEngine> | undefined;
  const load = async () => {
    const { GrammarEngine } = await import('../grammar/grammar.ts');
    return new GrammarEngine(() => engine.vocabulary());
  };
  const open: Grammars['open'] = async (spec, given, numTokens) => {
    const { signal, unlink } = linkSignals([given, interruption.signal]);
    loading ??= load().catch((error) => {
      loading = undefined; // the next request tries again
      throw error;
    });
    try {
      const grammars = await abortable(loading, signal);
      return await grammars.open(spec, signal, numTokens);
    } catch (error) {
      throw error instanceof OutriderError ? withParam(error, PARAMS[spec.kind]) : error;
    } finally {
      unlink();
    }
  };
  const interrupt = () => interruption.interrupt();
  return { open, interrupt, close: () => void loading?.then((grammars) => grammars.close()).catch(() => {}) };
}

function withParam(error: OutriderError, param: string): OutriderError {
  const { code, message, details, cause } = error;
  if (code !== 'invalid_request') return error;
  return new OutriderError(code, message, { cause, details: { param, reason: 'invalid_value', ...details } });
}
