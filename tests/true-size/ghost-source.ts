/** A ghost without a server: its files as a source, and its tensors as bytes. */
import { tensorBytes } from '../../src/checkpoint/write-header.ts';
import { filePieces, ghostBytes, ghostTensorBytes } from '../../src/ghost/bytes.ts';
import { ghostTensors } from '../../src/ghost/spec.ts';
import type { GhostSpec } from '../../src/ghost/types.ts';
import type { ModelSource } from '../../src/storage/source.ts';

type Bytes = Uint8Array<ArrayBuffer>;

export function ghostSource(spec: GhostSpec): ModelSource {
  return {
    label: spec.name,
    stat: async (path) => spec.files.get(path),
    read: async (path, start, end) => ghostBytes(spec, path, start, end),
    async *stream(path, start, end) {
      for (const view of filePieces(spec.files.get(path)!, start, end)) yield view.slice();
    },
  };
}

/** All bytes of a tensor by its name without the text model's prefix, undefined where there is none. */
export function tensorReader(spec: GhostSpec): (name: string) => Bytes | undefined {
  const tensors = new Map(ghostTensors(spec).map((tensor) => [tensor.name.replace(/^language_model\./, ''), tensor]));
  return (name) => {
    const tensor = tensors.get(name);
    return tensor && ghostTensorBytes(tensor, 0, tensorBytes(tensor));
  };
}
