/** The harness, not the speed: that stages move what they say, notice what arrives wrong, and are compared as they should be. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listFiles } from '../../src/cli/bench-load/ghost.ts';
import { runInNode } from '../../src/cli/bench-load/node.ts';
import { cpuSeconds, processTree, residentBytes } from '../../src/cli/bench-load/processes.ts';
import { formatResults, formatTargets, judge } from '../../src/cli/bench-load/report.ts';
import { heapBytes, serveThread } from '../../src/cli/bench-load/threads.ts';
import type { Place, Stage, StageRequest, StageResult } from '../../src/cli/bench-load/types.ts';
import { TINY } from '../../src/ghost/dims.ts';
import { type GhostServer, serveGhost } from '../../src/ghost/server.ts';
import { ghostSpec } from '../../src/ghost/spec.ts';

const spec = ghostSpec('scout-w4a16', { dims: { ...TINY, vision: undefined } });
const files = listFiles(spec);
const bytes = files.reduce((sum, { size }) => sum + size, 0);
let ghost: GhostServer;

beforeAll(async () => {
  ghost = await serveGhost({ spec });
});
afterAll(() => ghost.close());

/** Dawn's null backend: commands are validated, and nothing is computed. What threads do is done in this one. */
const run = (stage: Stage, listed: StageRequest['files'] = files) =>
  runInNode(
    { stage, url: ghost.url, files: listed },
    {
      gpu: { backend: 'null' },
      ghostPid: undefined,
      startThread: (setup) => {
        void serveThread(setup);
        return { heapBytes };
      },
    },
  );

describe('a stage in Node', () => {
  it.each(['fetch', 'hash'] as const)('%s goes through every byte of the files', async (stage) => {
    expect(await run(stage)).toMatchObject({ place: 'node', stage, bytes });
  });

  it.each(['upload', 'gpu', 'all'] as const)('%s writes every byte of the weights', async (stage) => {
    const result = await run(stage);
    expect(result.bytes / spec.tensorBytes).toBeCloseTo(1, 2); // shapes of packed tensors are not read
    expect(result.gpuBytes).toBeGreaterThan(0);
    expect(result.memory.samples).toBeGreaterThan(0);
    expect(result.memory.heap).toBeGreaterThan(bytes / 2);
  });

  it('makes the requests of a load, in both: the ghost sends the same bytes', async () => {
    const sentBy = async (stage: Stage) => {
      const before = ghost.counters.bytes;
      await run(stage);
      return ghost.counters.bytes - before;
    };
    const [fetched, loaded] = [await sentBy('fetch'), await sentBy('gpu')];
    expect(fetched).toBe(bytes);
    expect(Math.abs(loaded - fetched)).toBeLessThan(bytes / 5); // config, index, headers
  });

  it('with everything on, a file of another hash than was promised ends it', async () => {
    const wrong = files.map((file) => ({ ...file, sha256: '0'.repeat(64) }));
    await expect(run('all', wrong)).rejects.toMatchObject({ code: 'checksum_mismatch' });
  });
});

describe('the report', () => {
  const result = (place: Place, stage: Stage, gigabytesPerSecond: number, heap = 100e6): StageResult => ({
    place,
    stage,
    bytes: 20e9,
    seconds: 20 / gigabytesPerSecond,
    gpuBytes: 1e9,
    adapter: '',
    cpu: { loadSeconds: 40, ghostSeconds: 10 },
    memory: { heap, samples: 1, rssBefore: 2e9, rss: 3e9 },
  });

  it('holds each target to the stage that it is a share of', () => {
    const results = [
      result('node', 'fetch', 1),
      result('node', 'gpu', 0.9),
      result('chromium', 'fetch', 0.5),
      result('chromium', 'hash', 0.2),
      result('chromium', 'disk', 0.3),
      result('chromium', 'gpu', 0.4, 300e6),
      result('chromium', 'all', 0.16),
      result('chromium', 'throttled', 0.112),
    ];
    const met = judge(results).map(({ place, text, isMet }) => [place, text.replace(/:.*/, ''), isMet]);
    expect(met).toEqual([
      ['node', '(a) requests and GPU', true],
      ['node', 'JavaScript memory', true],
      ['chromium', '(a) requests and GPU', false],
      ['chromium', '(b) throttled, everything on', false],
      ['chromium', '(c) everything on', true],
      ['chromium', 'JavaScript memory', false],
    ]);
    expect(formatTargets(judge(results))).toContain('80.0 % of hash alone, 80.0 % needed');
  });

  it('says that it does not know where a stage is missing', () => {
    expect(judge([result('node', 'gpu', 1)])[0]).toMatchObject({ isMet: undefined });
  });

  it('shows CPU time per gigabyte, and memory beside that of the GPU', () => {
    const [, row] = formatResults([result('node', 'gpu', 0.5)]).split('\n');
    expect(row!.split(/ {2,}/).slice(2)).toEqual(['20.00', '0.500', '2.00', '0.50', '100', '3000', '2000', '1000']);
  });
});

describe.runIf(process.platform === 'linux')('what /proc says', () => {
  it("of this process: its CPU time and memory, and that it is its parent's child", () => {
    const usage = process.cpuUsage();
    expect(cpuSeconds([process.pid])).toBeCloseTo((usage.user + usage.system) / 1e6, 0);
    expect(residentBytes([process.pid]) / process.memoryUsage.rss()).toBeCloseTo(1, 0);
    expect(processTree(process.ppid)).toContain(process.pid);
    expect(processTree(process.pid)[0]).toBe(process.pid);
  });

  it('of one that has ended: nothing', () => {
    expect([cpuSeconds([2 ** 30]), residentBytes([2 ** 30])]).toEqual([0, 0]);
  });
});
