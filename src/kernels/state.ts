/** The `State` uniform: what a run is about. One source of truth: shaders/shared/state.wgsl. */
import stateSource from '../../shaders/shared/state.wgsl?raw';
import { packFields, parseStruct } from '../gpu/kernel.ts';

const FIELDS = parseStruct(stateSource, 'State');

/** Bytes of the uniform. */
export const STATE_BYTES = FIELDS.length * 4;

export interface StateValues {
  readonly position: number;
  readonly rows: number;
  readonly temperature: number;
  readonly top_p: number;
  readonly top_k: number;
  readonly min_p: number;
  readonly random: number;
  readonly force_routes: number;
}

export function packState(values: StateValues, into: DataView<ArrayBuffer>): void {
  packFields('state', FIELDS, { ...values }, into);
}
