import { afterEach, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/ghost.ts';

const FOLDER = 'public/models/llama-scoutling';

afterEach(() => {
  vi.restoreAllMocks();
});

it('outrider ghost prints an address, serves there what was asked for, and ends on a signal', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const stop: (() => void)[] = [];
  vi.spyOn(process, 'once').mockImplementation((_: string | symbol, listener: () => void) => {
    stop.push(listener);
    return process;
  });
  const url = new Promise<string>((resolve) => vi.spyOn(console, 'log').mockImplementation(resolve));
  const options = [
    '--tiny',
    '--layers',
    '3',
    '--text-only',
    '--tokenizer',
    FOLDER,
    '--etag',
    'weak',
    '--throttle',
    '9MB',
  ];
  const exit = main(['scout-fp8', ...options]);
  const response = await fetch(`${await url}config.json`);
  const config = await response.json();
  expect([config.text_config.num_hidden_layers, config.vision_config]).toEqual([3, undefined]);
  expect(response.headers.get('etag')).toMatch(/^W\//);
  const tokenizer = await fetch(`${await url}tokenizer.json`, { method: 'HEAD' });
  expect(Number(tokenizer.headers.get('content-length'))).toBeGreaterThan(100_000);
  for (const listener of stop) listener();
  expect(await exit).toBe(0);
  await expect(fetch(`${await url}config.json`)).rejects.toThrow();
});

it('outrider ghost explains itself where the arguments make no sense', async () => {
  const error = vi.spyOn(console, 'error').mockImplementation(() => {});
  expect(await main([])).toBe(1);
  expect(await main(['scout-bf16', '--no-such-option'])).toBe(1);
  expect(error.mock.calls.flat().join('\n')).toContain('maverick-fp8');
  await expect(main(['scout-int3'])).rejects.toThrow(/There is no ghost/);
  await expect(main(['scout-bf16', '--throttle', 'fast'])).rejects.toThrow(/no rate/);
  await expect(main(['scout-bf16', '--cors', 'some'])).rejects.toThrow(/open, hidden, none/);
});
