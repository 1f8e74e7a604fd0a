/** The test lanes, as Vitest projects: which tests run where, how many at once, and how long one may take. */
import type { TestProjectConfiguration } from 'vitest/config';

/** Lanes that need more than Node: what each needs is found by machine.mjs, which names the ones that cannot run. */
const GPU = ['tests/gpu/**', 'tests/kernels/**', 'tests/model/**', 'tests/**/*.gpu'];
const WGSL = ['tests/wgsl/**'];
const BROWSER = ['tests/browser/**', 'tests/**/*.browser'];

const files = (patterns: readonly string[]) => patterns.map((pattern) => `${pattern.replace(/\*\*$/, '**/*')}.test.ts`);

interface Lane {
  readonly include: readonly string[];
  readonly exclude?: readonly string[];
  /** Lanes of one group run together, groups one after the other. */
  readonly group: number;
  readonly workers: number;
  readonly timeoutSeconds: number;
  /** What runs once for all files. */
  readonly setup?: { readonly globalSetup: string };
}

/**
 * Software adapters use every core themselves, so the GPU lanes gain nothing from many workers; two browsers at once disturb
 * each other. Time limits are for what hangs.
 */
const LANES: Readonly<Record<string, Lane>> = {
  unit: { include: ['tests/**'], exclude: [...GPU, ...WGSL, ...BROWSER], group: 0, workers: 2, timeoutSeconds: 180 },
  wgsl: { include: WGSL, group: 0, workers: 2, timeoutSeconds: 180 },
  gpu: { include: GPU, group: 1, workers: 2, timeoutSeconds: 600 },
  browser: {
    include: BROWSER,
    group: 2,
    workers: 1,
    timeoutSeconds: 180,
    setup: { globalSetup: './tests/setup/sites.ts' },
  },
};

/** Lanes whose tests are only named and skipped, because this machine lacks what they need. */
const missing = (process.env.OUTRIDER_MISSING_LANES ?? '').split(' ');

export const testProjects: TestProjectConfiguration[] = Object.entries(LANES).map(([name, lane]) => ({
  extends: true,
  test: {
    name,
    include: files(lane.include),
    exclude: files(lane.exclude ?? []),
    ...(missing.includes(name) ? { runner: './tests/setup/skip-lane.ts' } : lane.setup),
    // Vulkan reads the process environment, which worker threads only copy.
    pool: 'forks',
    maxWorkers: lane.workers,
    sequence: { groupOrder: lane.group },
    testTimeout: lane.timeoutSeconds * 1000,
    hookTimeout: lane.timeoutSeconds * 1000,
    expect: { poll: { timeout: 30_000 } }, // Vitest's own second times the machine
  },
}));
