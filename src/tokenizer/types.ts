import type { Decoder } from './decoder.ts';

/** A piece of a prompt: text, or a special token by its text. */
export type Segment = { readonly text: string } | { readonly special: string };

export interface DecodeOptions {
  /** Leave special tokens out of the text. */
  readonly skipSpecial: boolean;
}

export interface Tokenizer {
  /** Ids of plain text: special-token text inside is text, and no beginning-of-text id is added. */
  encodeText(text: string): number[];
  /**
   * Ids of a rendered prompt. Each text segment is encoded by itself.
   * @throws OutriderError `tokenizer_invalid` for a special token that the tokenizer does not have.
   */
  encodeRendered(segments: Iterable<Segment>): number[];
  /** @throws OutriderError `invalid_request` for an unknown id. */
  decode(ids: Iterable<number>, options: DecodeOptions): string;
  /** @throws OutriderError `invalid_request` for an unknown id. */
  bytesOf(id: number, options: DecodeOptions): Uint8Array;
  /** For text that arrives id by id. */
  createDecoder(options: DecodeOptions): Decoder;
  /** Text -> id of every added token. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** What `tokenizer_config.json` calls `bos_token`, `eos_token`, ...: name -> text. Templates print these. */
  readonly namedTokens: Readonly<Record<string, string>>;
  /** Highest known id + 1. A model's vocabulary may be larger: such ids have no text and must not be sampled. */
  readonly numTokens: number;
  /** Text of the beginning-of-text token, if there is one. */
  readonly bosToken: string | undefined;
}
