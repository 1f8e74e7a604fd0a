/** How requests get the masks of a grammar; what makes them is loaded with the first request that needs one. */
import type { TextEngine } from '../engine/request.ts';
import { OutriderError } from '../errors.ts';

export type GrammarSpec =
  | { readonly kind: 'json' }
  | { readonly kind: 'json_schema'; readonly schema: Readonly<Record<string, unknown>>; readonly name?: string }
  | { readonly kind: 'ebnf'; readonly grammar: string }
  | {
      readonly kind: 'tools';
      readonly tools: readonly { readonly name: string; readonly parameters: Readonly<Record<string, unknown>> }[];
      readonly parallel: boolean;
    };

export interface Grammars {
  /** @returns a port where a `MaskSource` is served, for `GenerateOptions.masks` */
  open(spec: GrammarSpec, signal: AbortSignal): Promise<MessagePort>;
  /** Frees what was loaded. */
  close(): void;
}

export function createGrammars(_engine: Pick<TextEngine, 'vocabulary'>): Grammars {
  return {
    open: async () => {
      throw new OutriderError('invalid_request', 'Grammars are not connected yet.');
    },
    close: () => {},
  };
}
