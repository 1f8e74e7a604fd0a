/** SHA-256 piece by piece. */
import { toHex } from './digest.ts';
import { assembleSha256, BLOCK_BYTES, DATA_AT, DATA_BYTES, INITIAL_HASH, type Sha256Exports } from './sha256-module.ts';

/** Taken in at a time; the memory has room for the padding behind it. */
const CHUNK_BYTES = 64 << 10;
/** The last ones of the last block: how many bits the data has. */
const LENGTH_BYTES = 8;

let compiled: WebAssembly.Module | undefined;

/** The hash of one stream of bytes. */
export class Sha256 {
  readonly #take: Sha256Exports['take'];
  readonly #words: DataView;
  readonly #data: Uint8Array;
  /** Bytes that wait in `#data`. */
  #waiting = 0;
  #length = 0;

  /** @throws WebAssembly.CompileError where the page's policy forbids WebAssembly */
  constructor() {
    compiled ??= new WebAssembly.Module(assembleSha256());
    const { memory, take } = new WebAssembly.Instance(compiled).exports as unknown as Sha256Exports;
    this.#take = take;
    this.#words = new DataView(memory.buffer, 0, 4 * INITIAL_HASH.length);
    this.#data = new Uint8Array(memory.buffer, DATA_AT, DATA_BYTES);
    for (const [i, word] of INITIAL_HASH.entries()) this.#words.setUint32(4 * i, word, true);
  }

  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + CHUNK_BYTES - this.#waiting);
      this.#data.set(piece, this.#waiting);
      this.#waiting += piece.length;
      at += piece.length;
      if (this.#waiting === CHUNK_BYTES) this.#takeAll(CHUNK_BYTES);
    }
    this.#length += bytes.length;
  }

  /** @returns 64 lowercase hex digits; the hash has ended */
  digest(): string {
    const end = Math.ceil((this.#waiting + 1 + LENGTH_BYTES) / BLOCK_BYTES) * BLOCK_BYTES;
    this.#data.fill(0, this.#waiting, end);
    this.#data[this.#waiting] = 0x80;
    new DataView(this.#data.buffer).setBigUint64(DATA_AT + end - LENGTH_BYTES, BigInt(this.#length) * 8n);
    this.#takeAll(end);
    const hash = new DataView(new ArrayBuffer(this.#words.byteLength));
    for (let at = 0; at < hash.byteLength; at += 4) hash.setUint32(at, this.#words.getUint32(at, true));
    return toHex(new Uint8Array(hash.buffer));
  }

  /** @param length whole blocks */
  #takeAll(length: number): void {
    this.#take(DATA_AT, DATA_AT + length);
    this.#waiting = 0;
  }
}
