/** The routed experts of a layer: fused into two tensors, stacked per projection, or one Linear layer each. */
import { NVFP4_GROUP } from '../../quant/nvfp4.ts';
import { type ReadExperts, readSingleExperts } from '../experts.ts';
import type { MatrixReader } from '../matrix.ts';
import type { ExpertTensors, FloatDtype, Matrix } from '../model-tensors.ts';
import { partOf, type Tensor } from '../tensor.ts';
import { type Facts, unsupported } from './facts.ts';
import { FLOAT_NAMES } from './floats.ts';
import { checked, checkedScalar, FLOATS } from './tensor-index.ts';

export const readExperts: ReadExperts = (reader, dims, at) => {
  const { hiddenSize: hidden, intermediateSize: inter, numLocalExperts: count } = dims;
  refuseByName(reader, at);
  const each = (read: (expert: number) => ExpertTensors): ExpertTensors[] =>
    Array.from({ length: count }, (_, expert) => read(expert));
  if (reader.index.has(`${at}.gate_up_proj`)) {
    const gateUp = readFused(reader, `${at}.gate_up_proj`, { count, rows: 2 * inter, cols: hidden });
    const down = readFused(reader, `${at}.down_proj`, { count, rows: hidden, cols: inter });
    return each((expert) => ({ gateUp: [gateUp(expert)], down: down(expert) }));
  }
  if (reader.has(`${at}.gate_proj`)) {
    const matrix = (name: string, rows: number, cols: number, index: number): Matrix =>
      reader.matrix(`${at}.${name}`, rows, cols, { index, count });
    return each((expert) => ({
      gateUp: [matrix('gate_proj', inter, hidden, expert), matrix('up_proj', inter, hidden, expert)],
      down: matrix('down_proj', hidden, inter, expert),
    }));
  }
  return readSingleExperts(reader, dims, at);
};

/** Forms of experts whose tensors would else only be reported as missing. */
function refuseByName(reader: MatrixReader, at: string): void {
  const forms = {
    gate_up_proj_blocks: 'MXFP4',
    gate_up_proj_scale: 'fbgemm FP8 (fused experts)',
    'gate_up_proj.weight': 'experts stacked as gate_up_proj.weight',
  };
  for (const [suffix, form] of Object.entries(forms)) {
    const tensor = reader.index.get(`${at}.${suffix}`);
    if (tensor !== undefined) throw unsupported(form, { tensor: tensor.name });
  }
}

interface StackDims {
  readonly count: number;
  /** Of one expert's [out, in]. */
  readonly rows: number;
  readonly cols: number;
}

/** Fused experts lie [experts, in, out]: the transpose of a Linear's weight. */
function readFused(reader: MatrixReader, name: string, dims: StackDims): (expert: number) => Matrix {
  const stack = reader.index.require(name);
  const { count, rows, cols } = dims;
  if (stack.dtype === 'U8') return readFusedNvfp4(reader, stack, name, dims);
  if (stack.dtype === 'F8_E4M3') throw unsupported('FP8 in fused experts', { tensor: stack.name });
  if (!(FLOATS as readonly string[]).includes(stack.dtype)) {
    throw unsupported(`fused experts of ${stack.dtype}`, { tensor: stack.name });
  }
  const dtype = stack.dtype as FloatDtype;
  checked(stack, FLOATS, [count, cols, rows]);
  const facts: Facts = { format: FLOAT_NAMES[dtype] };
  return (expert) => {
    const weight = partOf(stack, expert);
    return reader.note({ matrix: { kind: 'float', rows, cols, dtype, weight, transposed: true }, facts });
  };
}

/** ModelOpt: codes [experts, in / 2, out], scales [experts, in / 16, out], one f32 for all or for each expert. */
function readFusedNvfp4(
  reader: MatrixReader,
  stack: Tensor,
  name: string,
  { count, rows, cols }: StackDims,
): (expert: number) => Matrix {
  checked(stack, ['U8'], [count, cols / 2, rows]);
  const scales = checked(reader.index.require(`${name}_weight_scale`), ['F8_E4M3'], [count, cols / NVFP4_GROUP, rows]);
  const global = reader.index.require(`${name}_weight_scale_2`);
  const isShared = global.shape.length === 0 || (global.shape.length === 1 && global.shape[0] === 1);
  if (isShared) checkedScalar(global);
  else checked(global, ['F32'], [count]);
  const facts: Facts = { format: 'ModelOpt NVFP4' };
  return (expert) => {
    const globalScale = isShared ? global : partOf(global, expert);
    const parts = { packed: partOf(stack, expert), scales: partOf(scales, expert), globalScale };
    return reader.note({ matrix: { kind: 'nvfp4', rows, cols, ...parts, divides: false, transposed: true }, facts });
  };
}
