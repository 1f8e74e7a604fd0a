/**
 * The byte-level alphabet: every byte has one printable character, so that a vocabulary of byte strings is a JSON
 * object. Printable Latin-1 bytes stand for themselves; the other 68 follow in order from U+0100.
 */
const PRINTABLE_RANGES = [
  [0x21, 0x7e],
  [0xa1, 0xac],
  [0xae, 0xff],
] as const;

const isPrintable = (byte: number) => PRINTABLE_RANGES.some(([first, last]) => byte >= first && byte <= last);

/** The 256 characters, indexed by byte. */
export const byteCharacters: readonly string[] = (() => {
  let unprintable = 0;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isPrintable(byte) ? byte : 0x100 + unprintable++),
  );
})();

const byteOfCharacter = new Map(byteCharacters.map((character, byte) => [character, byte]));

/**
 * The bytes that a vocabulary entry stands for. An entry with a character outside the alphabet was not made from
 * bytes: it stands for its own UTF-8, as in the reference implementation.
 */
export function tokenBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let index = 0; index < token.length; index++) {
    const byte = byteOfCharacter.get(token[index]!);
    if (byte === undefined) return new TextEncoder().encode(token);
    bytes[index] = byte;
  }
  return bytes;
}
