import { describe, expect, it, vi } from 'vitest';
import { main, parseSize } from '../../src/cli/plan.ts';
import type { ModelPlan } from '../../src/model/plan.ts';

const SCOUTLING = 'public/models/llama-scoutling';

const log = vi.spyOn(console, 'log').mockImplementation(() => {});

async function run(...argv: string[]): Promise<{ code: number; text: string }> {
  log.mockClear();
  const code = await main(argv);
  return { code, text: log.mock.calls.map(([line]) => line as string).join('\n') };
}

describe('outrider plan', () => {
  it('prints sizes for people with the exact bytes beside, the verdict, and exits with 0 where nobody knows', async () => {
    const { code, text } = await run(SCOUTLING);
    const plan = JSON.parse((await run(SCOUTLING, '--json')).text) as ModelPlan;
    expect(code).toBe(0);
    expect(text).toContain(plan.gpu.total.toLocaleString('en-US'));
    expect(text).toContain(plan.disk.toLocaleString('en-US'));
    expect(text).toMatch(/Verdict: unproven\. .* no budget is set/);
    expect(text).toMatch(/compressed-tensors int4/);
  });

  it('exits with 1 where it is too large, with what to do, and with 0 where it fits', async () => {
    const small = await run(SCOUTLING, '--budget', '20MB');
    expect(small.code).toBe(1);
    expect(small.text).toMatch(/Verdict: too-large\. .* are needed; the budget is 20\.0 MB/);
    expect(small.text).toMatch(/ {2}- .*remote/);
    expect((await run(SCOUTLING, '--budget', '4GiB', '--limits', 'metal', '--kv', 'f16')).code).toBe(0);
  });

  it('takes context, key dtype, limits and recipe into the plan', async () => {
    const argv = [
      '--context',
      '100',
      '--kv',
      'f16',
      '--limits',
      '512MiB,256MiB',
      '--recipe',
      'int8-backbone',
      '--json',
    ];
    const plan = JSON.parse((await run(SCOUTLING, ...argv)).text) as ModelPlan;
    expect(plan.kv).toMatchObject({ contextLength: 100, dtype: 'f16' });
    expect(plan.limits).toMatchObject({ maxBufferSize: 2 ** 29, maxStorageBufferBindingSize: 2 ** 28, assumed: false });
    expect(plan.lossy?.saves).toBeGreaterThan(0);
  });

  it.each([
    [['--budget', 'much', SCOUTLING], /--budget is "much"/],
    [['--kv', 'int8', SCOUTLING], /--kv is "int8"; it must be f32 or f16/],
    [['--limits', 'large', SCOUTLING], /--limits is "large"/],
    [['--context', '8k', SCOUTLING], /--context is "8k"/],
    [['--frobnicate', SCOUTLING], /frobnicate/],
    [[], /Name one source/],
  ])('%j is an error that shows how to call it', async (argv, message) => {
    await expect(main(argv)).rejects.toThrow(message);
    await expect(main(argv)).rejects.toThrow(/Usage: outrider plan/);
  });

  it('reads sizes in decimal and binary units', () => {
    const sizes = { '64GB': 64e9, '48 GiB': 48 * 2 ** 30, '1.5G': 1.5e9, '4096': 4096, '2tb': 2e12, '1Ki': 1024 };
    for (const [text, bytes] of Object.entries(sizes)) expect(parseSize('--budget', text)).toBe(bytes);
  });
});
