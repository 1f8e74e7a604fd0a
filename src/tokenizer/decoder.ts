/** Ids to text, one at a time: a character whose bytes lie in several tokens comes out whole with its last one. */

export interface Decoder {
  /**
   * Text that is complete after this id; often empty in the middle of a character.
   * @throws OutriderError `invalid_request` for an id that the tokenizer does not have.
   */
  push(id: number): string;
  /** The rest: U+FFFD where the last bytes are not a whole character. The decoder starts anew afterwards. */
  end(): string;
}

/** @param bytesOf the bytes of an id; empty for one that is not shown. */
export function createByteDecoder(bytesOf: (id: number) => Uint8Array): Decoder {
  // ignoreBOM keeps U+FEFF in the text: it is a character of the answer, not a file's signature.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return {
    push: (id) => decoder.decode(bytesOf(id), { stream: true }),
    end: () => decoder.decode(),
  };
}
