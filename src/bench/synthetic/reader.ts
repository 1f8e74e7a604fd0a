/** A reader of a model that nobody has written: it can be laid out and allocated, and there is nothing to read. */

import type { ModelConfig } from '../../model/config.ts';
import { bytesToRead } from '../../model/layout/jobs.ts';
import { layOut } from '../../model/layout/layout.ts';
import type { ModelReader } from '../../model/reader.ts';
import { int4Tensors } from './tensors.ts';

export function syntheticReader(config: ModelConfig): ModelReader {
  const nothing = async function* () {};
  const tensors = int4Tensors(config);
  return {
    label: 'synthetic',
    readText: async () => undefined,
    inspect: async () => ({ config, format: 'int4 by procedure', notices: [] }),
    plan: () => Promise.reject(new Error('a synthetic model has no files to plan')),
    layOut: async (options) => {
      const { buffers, weights, jobs } = layOut(tensors, options);
      return { buffers, weights, bytes: bytesToRead(jobs) };
    },
    pieces: nothing,
    complete: nothing,
    notices: nothing,
    close: async () => {},
  };
}
