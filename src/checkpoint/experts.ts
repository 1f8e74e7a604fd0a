/** The routed experts of a layer that are one Linear layer each and projection. Stacks of them: `formats/expert-stacks.ts`. */
import type { MatrixReader } from './matrix.ts';
import type { ExpertTensors } from './model-tensors.ts';

export interface ExpertDims {
  readonly numLocalExperts: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
}

/** Throws as `MatrixReader.matrix`. @param at name of the module `experts`, without prefix */
export type ReadExperts = (reader: MatrixReader, dims: ExpertDims, at: string) => ExpertTensors[];

export const readSingleExperts: ReadExperts = (reader, { hiddenSize, intermediateSize, numLocalExperts }, at) =>
  Array.from({ length: numLocalExperts }, (_, expert) => {
    const { gateProj, upProj, downProj } = reader.feedForward(`${at}.${expert}`, hiddenSize, intermediateSize);
    return { gateUp: [gateProj, upProj], down: downProj };
  });
