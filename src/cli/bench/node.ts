/** The bench in this process, over Dawn. */
import type { BenchResults } from '../../bench/results.ts';
import { runBench } from '../../bench/run.ts';
import { type NodeAdapter, openNodeGpu } from '../../gpu/node.ts';
import { openReader } from '../../loader/local.ts';
import type { RunSettings, Say } from './settings.ts';

export async function benchInNode(settings: RunSettings, adapter: NodeAdapter, say: Say): Promise<BenchResults> {
  const { gpu } = await openNodeGpu({ adapter });
  return runBench(gpu, {
    ...settings,
    model: settings.model === undefined ? undefined : () => openReader(settings.model!),
    signal: new AbortController().signal, // the process is ended instead
    onProgress: ({ phase, text, done }) => say(`${Math.round(done * 100)} %  ${phase}: ${text}`),
    onResults: () => {},
  });
}
