/** What must have arrived, and whether it has. */
import { ghostBytes } from '../../src/ghost/bytes.ts';
import type { GhostSpec } from '../../src/ghost/types.ts';
import { SourceReader } from '../../src/loader/loader.ts';
import type { ModelSource } from '../../src/storage/source.ts';
import { type Digests, type LoadOptions, loadDigests } from './sink.ts';

const known = new Map<string, Promise<Digests>>();

/** The same jobs over the ghost's own bytes, without a network and without a cache. */
export function oracleDigests(spec: GhostSpec, revision = 0, options: LoadOptions = {}): Promise<Digests> {
  const name = `${spec.name} ${spec.tensorBytes} ${revision}`;
  const found = known.get(name) ?? loadDigests(new SourceReader(sourceOf(spec, revision)), options);
  known.set(name, found);
  return found;
}

function sourceOf(spec: GhostSpec, revision: number): ModelSource {
  return {
    label: 'oracle',
    stat: async (path) => spec.files.get(path),
    read: async (path, start, end) => ghostBytes(spec, path, start, end, revision),
    async *stream(path, start, end) {
      yield ghostBytes(spec, path, start, end, revision);
    },
  };
}

/** The names of what differs. */
export function differences(found: Digests, expected: Digests): string[] {
  return [...new Set([...found.keys(), ...expected.keys()])].filter((name) => found.get(name) !== expected.get(name));
}
