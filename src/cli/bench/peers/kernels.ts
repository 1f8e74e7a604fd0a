/** The kernels side by side, in a Chromium of their own. */
import type { Roofline } from '../../../bench/results.ts';
import { describeProduct, formatComparison } from './report.ts';
import { withPeersChromium } from './turns.ts';
import { ACTIVATIONS, type KernelsResult, type ProductCase, type ProductComparison } from './types.ts';

/** Larger than any cache. */
const DECODE = { rows: 8192, cols: 5120, tokens: 1 };
const PREFILL = { rows: 2048, cols: 2048, tokens: 128 };
/** What the peers' models have, and what Scout's checkpoints have. */
const BLOCKS = [32, 128];

const CASES: readonly ProductCase[] = [
  ...BLOCKS.flatMap((block) => ACTIVATIONS.map((activations) => ({ ...DECODE, block, activations }))),
  ...BLOCKS.map((block) => ({ ...PREFILL, block, activations: 'f32' as const })),
];

export function compareKernels(
  chromium: string,
  pageUrl: string,
  rounds: number,
  onProgress: (text: string) => void,
): Promise<KernelsResult> {
  return withPeersChromium(chromium, async (browser) => {
    const page = await browser.open(pageUrl, "'compareProduct' in window");
    const call = <T>(name: string, ...args: readonly unknown[]) =>
      browser.evaluate<T>(page, `${name}(${args.map((arg) => JSON.stringify(arg)).join(', ')})`);
    onProgress('the roofline …');
    const roofline = await call<Roofline>('measureRoofline');
    const comparisons: ProductComparison[] = [];
    for (const product of CASES) {
      onProgress(`${describeProduct(product)} …`);
      const comparison = await call<ProductComparison>('compareProduct', product, rounds, roofline);
      onProgress(formatComparison(comparison));
      comparisons.push(comparison);
    }
    return { roofline, comparisons };
  });
}
