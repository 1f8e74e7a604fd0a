/** Headless Chromium for measurements: where it is, and one with a profile of its own. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OutriderError } from '../../errors.ts';
import { Chromium } from './cdp.ts';

const CHROMIUMS = [
  process.env.OUTRIDER_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** Its path. Throws `invalid_request` where there is none. @param otherwise what else a person can do, for the message */
export function findChromium(otherwise?: string): string {
  const found = CHROMIUMS.find((path) => path && existsSync(path));
  if (found) return found;
  const ways = ['Install one', 'name one in OUTRIDER_CHROMIUM', ...(otherwise ? [otherwise] : [])];
  const advice = `${ways.slice(0, -1).join(', ')}, or ${ways.at(-1)}`;
  throw new OutriderError('invalid_request', `There is no Chromium in /usr/bin. ${advice}.`);
}

export interface ChromiumOptions {
  readonly executable: string;
  /** `swiftshader`, or what else --use-webgpu-adapter takes. */
  readonly adapter: string;
  /** More flags. */
  readonly flags?: readonly string[];
}

/** One for as long as `use` takes; its profile, on disk, goes with it. */
export async function withChromium<T>(
  { executable, adapter, flags = [] }: ChromiumOptions,
  use: (chromium: Chromium) => Promise<T>,
): Promise<T> {
  const profile = await mkdtemp(join(tmpdir(), 'outrider-bench-'));
  const chromium = await Chromium.launch(executable, [
    '--headless=new',
    '--no-sandbox', // it refuses to start as root with one
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--enable-unsafe-webgpu',
    '--enable-unsafe-swiftshader',
    `--use-webgpu-adapter=${adapter}`,
    ...flags,
    `--user-data-dir=${profile}`,
  ]);
  try {
    return await use(chromium);
  } finally {
    await chromium.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
