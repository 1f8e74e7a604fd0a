/** Files of random tensors in memory: any of them may begin at an odd byte, and the source hands them out in odd pieces. */
import { DTYPE_BYTES, type Dtype, type Tensor } from '../../src/checkpoint/tensor.ts';
import type { Random } from '../../src/reference/random.ts';
import type { ModelSource } from '../../src/storage/source.ts';

type Bytes = Uint8Array<ArrayBuffer>;

export class CheckpointBuilder {
  readonly random: Random;
  readonly #files = new Map<string, Bytes[]>([
    ['a', []],
    ['b', []],
  ]);
  readonly #sizes = new Map([
    ['a', 0],
    ['b', 0],
  ]);
  #names = 0;

  constructor(random: Random) {
    this.random = random;
  }

  /** Places a tensor behind a gap of a few bytes. */
  add(dtype: Dtype, shape: readonly number[], content: ArrayBufferView<ArrayBuffer>): Tensor {
    const bytes = new Uint8Array(content.buffer, content.byteOffset, content.byteLength);
    const expected = shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]);
    if (bytes.length !== expected) throw new Error(`${bytes.length} bytes for ${dtype} [${shape.join(', ')}]`);
    const file = this.random.below(2) === 0 ? 'a' : 'b';
    const gap = new Uint8Array(this.random.below(4)).fill(0xee);
    this.#files.get(file)!.push(gap, bytes);
    const start = this.#sizes.get(file)! + gap.length;
    this.#sizes.set(file, start + bytes.length);
    return { name: `t${this.#names++}`, dtype, shape, file, start, end: start + bytes.length };
  }

  /** @param pieceBytes most bytes of a piece of a stream; they lie anywhere in buffers of their own */
  source(pieceBytes: number): ModelSource {
    const files = new Map([...this.#files].map(([name, parts]) => [name, concat(parts)]));
    const read = (path: string, start: number, end: number): Bytes => {
      const padded = new Uint8Array(this.random.below(8) + end - start);
      const bytes = padded.subarray(padded.length - (end - start));
      bytes.set(files.get(path)!.subarray(start, end));
      return bytes;
    };
    const { random } = this;
    return {
      label: 'random',
      stat: async (path) => ({ size: files.get(path)!.length }),
      read: async (path, start, end) => read(path, start, end),
      async *stream(path, start, end) {
        for (let at = start; at < end; ) {
          const next = Math.min(end, at + random.below(pieceBytes + 1)); // nothing at all may come, too
          yield read(path, at, next);
          at = next;
        }
      },
    };
  }
}

function concat(parts: readonly Bytes[]): Bytes {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
