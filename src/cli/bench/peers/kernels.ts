/** The kernels side by side, in a Chromium of their own. */
import { withChromium } from './turns.ts';
import type { KernelsResult, MatvecRequest } from './types.ts';

/** Scout's query projection and a half more: a matrix of the true size, larger than any cache. */
const SHAPE = { rows: 8192, cols: 5120 };
/** What the peers' models have, and what Scout's checkpoints have. */
const BLOCKS = [32, 128];

export function compareKernels(
  chromium: string,
  pageUrl: string,
  rounds: number,
  onProgress: (text: string) => void,
): Promise<KernelsResult> {
  onProgress('int4 matrix-vector products …');
  const request: MatvecRequest = { ...SHAPE, blocks: BLOCKS, rounds };
  return withChromium(chromium, async (browser) => {
    const page = await browser.open(pageUrl, "'compareMatvecs' in window");
    return browser.evaluate<KernelsResult>(page, `compareMatvecs(${JSON.stringify(request)})`);
  });
}
