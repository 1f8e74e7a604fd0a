/** Int4 products of this engine and of onnxruntime-web, on the same bits, in turns, in one page. */
import { encodeAll, Lab } from '../../../../bench/lab.ts';
import type { Roofline } from '../../../../bench/results.ts';
import { measureRoofline } from '../../../../bench/roofline.ts';
import { shareOf } from '../../../../bench/share.ts';
import { median } from '../../../../bench/timing.ts';
import { openDevice } from '../../../../gpu/device.ts';
import type { Cost } from '../../../../gpu/plan.ts';
import { matmulVariants } from '../../../../kernels/matmul-variants.ts';
import { matvecVariants } from '../../../../kernels/matvec-variants.ts';
import { kernelOptions } from '../../../../kernels/variants.ts';
import type { KernelsPage, ProductTime } from '../types.ts';
import { PARTS } from './ablate.ts';
import { errorOf, makeProduct, type ProductData } from './data.ts';
import { OnnxProduct } from './onnx.ts';
import { placeProduct } from './product.ts';

declare global {
  interface Window extends KernelsPage {}
}

/** What is timed in turns. */
interface Contender extends Pick<ProductTime, 'name' | 'only'> {
  readonly cost: Cost;
  readonly time: () => Promise<number>;
  readonly output: () => Promise<Float32Array>;
}

const lab = openDevice(navigator.gpu).then((gpu) => new Lab(gpu));

window.measureRoofline = async () => measureRoofline(await lab);

window.compareProduct = async (product, rounds, roofline) => {
  const data = makeProduct(product);
  const onnx = await OnnxProduct.create(data);
  const [peer, ...own] = await (await lab).scoped('a matrix', async () =>
    runTurns(data, [peerOf(onnx, data), ...(await ownContenders(await lab, data))], rounds, roofline),
  );
  await onnx.release();
  return { ...product, peer: peer!, own };
};

async function runTurns(
  data: ProductData,
  contenders: readonly Contender[],
  rounds: number,
  roofline: Roofline,
): Promise<ProductTime[]> {
  const seconds = contenders.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, { time }] of contenders.entries()) seconds[index]!.push(await time());
  }
  const times: ProductTime[] = [];
  for (const [index, { name, only, cost, output }] of contenders.entries()) {
    const middle = median(seconds[index]!);
    const error = only ? undefined : errorOf(data, await output());
    const share = shareOf(cost, middle, roofline);
    times.push({ name, only, median: middle, best: Math.min(...seconds[index]!), share, error });
  }
  return times;
}

function peerOf(onnx: OnnxProduct, { rows, cols, tokens, block }: ProductData): Contender {
  const bytes = (rows * cols) / 2 + ((rows * cols) / block) * 4 + tokens * (rows + cols) * 4;
  const cost = { bytes, flops: 2 * rows * cols * tokens };
  return { name: 'MatMulNBits', only: undefined, cost, time: () => onnx.time(), output: () => onnx.output() };
}

/** Every variant, and what is left of the best guess without its loads and without its arithmetic. */
async function ownContenders(lab: Lab, data: ProductData): Promise<Contender[]> {
  const { facts } = lab.gpu;
  const { activations, tokens } = data;
  const family = tokens === 1 ? 'matvec' : 'matmul';
  const variants = family === 'matvec' ? matvecVariants(facts, activations) : matmulVariants(facts);
  const { y, record } = placeProduct(lab, data);
  const contenders: Contender[] = [];
  for (const [index, { name }] of variants.entries()) {
    for (const only of index === 0 ? [undefined, ...PARTS] : [undefined]) {
      const runs = await record(kernelOptions(facts, activations, { [family]: name }), only);
      if (!runs) continue;
      const cost = runs[0]![0]!.cost;
      const time = async () => (await lab.timer.time(encodeAll(runs.flat()), { samples: 1 })) / runs.length;
      const output = async () => {
        await lab.run(runs[0]!);
        return lab.floats(y, data.tokens * data.rows);
      };
      contenders.push({ name, only, cost, time, output });
    }
  }
  return contenders;
}
