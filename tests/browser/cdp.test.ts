/** Chromium as the benches speak to it. */
import { expect, it } from 'vitest';
import { withChromium } from '../../src/cli/browser/chromium.ts';

it('says so where a worker ends that was asked something', async () => {
  const executable = process.env.OUTRIDER_CHROMIUM || '/usr/bin/chromium';
  await withChromium({ executable, adapter: 'swiftshader' }, async (chromium) => {
    const page = await chromium.open('data:text/html,', 'true');
    const start = "self.worker = new Worker(URL.createObjectURL(new Blob(['setInterval(() => {}, 1000)'])))";
    await chromium.evaluate(page, `${start}, 0`);
    const find = () => [...chromium.sessions.values()].find(({ type }) => type === 'worker');
    await expect.poll(find).toBeDefined();
    const never = chromium.evaluate(find()!, 'new Promise(() => {})');
    never.catch(() => {});
    await chromium.evaluate(page, 'self.worker.terminate(), 0');
    await expect(never).rejects.toThrow('has ended');
    expect(await chromium.heapBytes()).toBeGreaterThan(0);
  });
});
