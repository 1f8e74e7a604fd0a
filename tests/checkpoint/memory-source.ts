import type { ModelSource } from '../../src/storage/source.ts';

/** A model folder in memory that counts what is read of it. */
export function memorySource(files: Readonly<Record<string, string | Uint8Array>>): ModelSource & { reads: string[] } {
  const bytesOf = (path: string): Uint8Array | undefined => {
    const file = files[path];
    return typeof file === 'string' ? new TextEncoder().encode(file) : file;
  };
  const reads: string[] = [];
  const read = async (path: string, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> => {
    reads.push(`${path} ${start}-${end}`);
    return new Uint8Array(bytesOf(path)!.subarray(start, end));
  };
  return {
    label: 'memory',
    reads,
    stat: async (path) => (bytesOf(path) ? { size: bytesOf(path)!.length } : undefined),
    read,
    async *stream(path, start, end) {
      yield await read(path, start, end);
    },
  };
}

export interface Entry {
  dtype: unknown;
  shape: unknown;
  data_offsets: unknown;
}

/** A safetensors file with this header (an object, or text as it is) and `dataBytes` zeros. */
export function safetensors(header: Readonly<Record<string, unknown>> | string, dataBytes: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}
