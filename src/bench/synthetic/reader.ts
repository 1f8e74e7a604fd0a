/** A reader of a model that nobody has written: it can be laid out and allocated, and there is nothing to read. */

import type { ModelConfig } from '../../model/config.ts';
import { scheduleLayers } from '../../model/irope.ts';
import { bytesToRead } from '../../model/layout/jobs.ts';
import { layOut } from '../../model/layout/layout.ts';
import { MatrixJobs } from '../../model/layout/matrix-jobs.ts';
import type { ModelReader } from '../../model/reader.ts';
import { subjectOf } from '../../model/tuning/subject.ts';
import { tuneKernels } from '../../model/tuning/tuning.ts';
import type { Weights } from '../../model/weights.ts';
import { int4Tensors } from './tensors.ts';

export function syntheticReader(config: ModelConfig): ModelReader {
  const nothing = async function* () {};
  const tensors = int4Tensors(config);
  let laidOut: Weights<number>;
  return {
    label: 'synthetic',
    readText: async () => undefined,
    inspect: async () => ({ config, format: 'int4 by procedure', notices: [] }),
    parseTexts: () => Promise.reject(new Error('a synthetic model has no texts')),
    chooseContext: () => Promise.reject(new Error('a synthetic model has no files to plan')),
    layOut: async (options) => {
      const { buffers, weights, jobs } = layOut(tensors, options, new MatrixJobs());
      laidOut = weights;
      return { schedule: scheduleLayers(config), buffers, weights, bytes: bytesToRead(jobs) };
    },
    tune: (request, bench, options) =>
      tuneKernels(request, subjectOf(config, laidOut, request.kvDtype), bench, options),
    pieces: nothing,
    complete: nothing,
    notices: nothing,
    close: async () => {},
  };
}
