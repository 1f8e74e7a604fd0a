/** The int4 matrix-vector product of this engine and of onnxruntime-web, on the same bits, in turns, in one page. */
import { encodeAll, Lab } from '../../../../bench/lab.ts';
import { measureRoofline } from '../../../../bench/roofline.ts';
import { median } from '../../../../bench/timing.ts';
import { openDevice } from '../../../../gpu/device.ts';
import { matvecVariants } from '../../../../kernels/matvec-variants.ts';
import { type KernelOptions, kernelOptions } from '../../../../kernels/variants.ts';
import { seeded } from '../../../../reference/random.ts';
import type { Activations, KernelsPage, KernelsResult, MatvecComparison, MatvecRequest, MatvecTime } from '../types.ts';
import { ABLATIONS, isAblated } from './ablations.ts';
import { recordMatvec } from './matvec.ts';
import { type MatmulNBits, OnnxMatvec } from './onnx.ts';

declare global {
  interface Window extends KernelsPage {}
}

/** What is timed in turns. */
interface Contender extends Pick<MatvecTime, 'name' | 'only'> {
  readonly time: () => Promise<number>;
  readonly output: () => Promise<Float32Array>;
}

const PEER_LEVELS: Readonly<Record<Activations, 0 | 4>> = { f32: 0, int8: 4 };
/** Rows whose exact product is computed. */
const CHECKED_ROWS = 64;

window.compareMatvecs = async (request: MatvecRequest): Promise<KernelsResult> => {
  const { rows, cols, blocks, rounds } = request;
  const lab = new Lab(await openDevice(navigator.gpu));
  const before = await measureRoofline(lab);
  const found: MatvecComparison[] = [];
  for (const block of blocks) {
    for (const activations of ['f32', 'int8'] as const) {
      found.push(await lab.scoped('a matrix', () => compare(lab, makeMatrix(rows, cols, block, activations), rounds)));
    }
  }
  const after = await measureRoofline(lab);
  const readRate = Math.max(before.readRate, after.readRate); // of a machine that is not all ours
  lab.gpu.destroy();
  return { rows, cols, readRate, comparisons: found.map((one) => withShares(one, rows * cols, readRate)) };
};

function makeMatrix(rows: number, cols: number, block: number, activations: Activations): MatmulNBits {
  const random = seeded(`${rows} ${cols} ${block}`);
  const scales = new Float32Array((rows * cols) / block).map(() => 0.01 + 0.01 * random.uniform());
  const words = random.words((rows * cols) / 8);
  return { rows, cols, block, words, scales, x: random.normals(cols), accuracyLevel: PEER_LEVELS[activations] };
}

async function compare(lab: Lab, matmul: MatmulNBits, rounds: number): Promise<MatvecComparison> {
  const onnx = await OnnxMatvec.create(matmul);
  const peer = { name: 'MatMulNBits', only: undefined, time: () => onnx.time(), output: () => onnx.output() };
  const contenders: Contender[] = [peer, ...(await ourContenders(lab, matmul))];
  const seconds = contenders.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, { time }] of contenders.entries()) seconds[index]!.push(await time());
  }
  const times: MatvecTime[] = [];
  for (const [index, { name, only, output }] of contenders.entries()) {
    const error = only ? undefined : errorOf(matmul, await output());
    times.push({ name, only, median: median(seconds[index]!), best: Math.min(...seconds[index]!), share: 0, error });
  }
  await onnx.release();
  const [first, ...variants] = times;
  return {
    block: matmul.block,
    activations: matmul.accuracyLevel === 0 ? 'f32' : 'int8',
    peer: first!,
    variants,
  };
}

/** Every lossless variant, and what is left of the best guess without its loads and without its arithmetic. */
async function ourContenders(lab: Lab, matmul: MatmulNBits): Promise<Contender[]> {
  if (matmul.accuracyLevel !== 0) return [];
  const { facts } = lab.gpu;
  const contenders: Contender[] = [];
  const variants = matvecVariants(facts);
  for (const variant of variants) {
    const options = kernelOptions(facts, 'f32', { matvec: variant.name });
    const parts = isAblated(variant) ? (['loads', 'arithmetic'] as const) : [];
    for (const only of [undefined, ...parts]) contenders.push(await contender(lab, matmul, options, only));
  }
  return contenders;
}

async function contender(
  lab: Lab,
  matmul: MatmulNBits,
  options: KernelOptions,
  only: MatvecTime['only'],
): Promise<Contender> {
  const { runs, y } = await recordMatvec(lab, options, matmul, only && ABLATIONS[only]);
  return {
    name: options.matvec.name,
    only,
    time: async () => (await lab.timer.time(encodeAll(runs.flat()), { samples: 1 })) / runs.length,
    output: async () => {
      await lab.run(runs[0]!);
      return lab.floats(y, matmul.rows);
    },
  };
}

function withShares(comparison: MatvecComparison, weights: number, readRate: number): MatvecComparison {
  const bytes = weights / 2 + (weights / comparison.block) * 4;
  const share = (time: MatvecTime): MatvecTime => ({ ...time, share: bytes / time.median / readRate });
  return { ...comparison, peer: share(comparison.peer), variants: comparison.variants.map(share) };
}

/** Against products in f64 of rows spread over the matrix. */
function errorOf({ rows, cols, block, words, scales, x }: MatmulNBits, y: Float32Array): number {
  let [errors, squares] = [0, 0];
  for (let checked = 0; checked < CHECKED_ROWS; checked++) {
    const row = Math.floor((checked * (rows - 1)) / (CHECKED_ROWS - 1));
    let expected = 0;
    for (let col = 0; col < cols; col++) {
      const nibble = (words[(row * cols + col) >>> 3]! >>> (4 * (col & 7))) & 15;
      expected += (nibble - 8) * scales[Math.floor((row * cols + col) / block)]! * x[col]!;
    }
    errors += (y[row]! - expected) ** 2;
    squares += expected ** 2;
  }
  return Math.sqrt(errors / squares);
}
