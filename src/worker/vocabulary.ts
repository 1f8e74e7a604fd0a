/** A vocabulary across the boundary: two buffers that move, instead of as many copies as there are ids. */
import type { Vocabulary } from '../engine/request.ts';
import type { WireVocabulary } from './protocol.ts';

export function packVocabulary({ bytes, endIds }: Vocabulary): WireVocabulary {
  const ends = new Uint32Array(bytes.length);
  let end = 0;
  for (const [id, { length }] of bytes.entries()) {
    end += length;
    ends[id] = end;
  }
  const all = new Uint8Array(end);
  for (const [id, own] of bytes.entries()) all.set(own, ends[id]! - own.length);
  return { bytes: all, ends, endIds };
}

/** The ids' bytes are views of one buffer. */
export function unpackVocabulary({ bytes, ends, endIds }: WireVocabulary): Vocabulary {
  return { bytes: Array.from(ends, (end, id) => bytes.subarray(ends[id - 1] ?? 0, end)), endIds };
}
