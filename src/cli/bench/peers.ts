/**
 * Side by side with the peers: this engine, wllama and onnxruntime-web in the same Chromium, in turns, on the same weights.
 * The peers are a folder of their own, which the product does not need.
 */
import { findCheckout } from '../browser/checkout.ts';
import { openPeersFolder, type PeersAdapter } from './peers/folder.ts';
import { compareKernels } from './peers/kernels.ts';
import { formatKernels, formatModel } from './peers/report.ts';
import { servePeers } from './peers/server.ts';
import { runTurns } from './peers/turns.ts';
import type { KernelsResult, ModelResult } from './peers/types.ts';

export interface PeersOptions {
  /** The prepared checkout of the peers. */
  readonly folder: string;
  /** Default lavapipe: wllama's WebGPU needs shader-f16, which stock SwiftShader lacks. */
  readonly adapter?: PeersAdapter;
  /** Models of the folder; default s and m. */
  readonly models?: readonly string[];
  /** Whether to compare kernels with onnxruntime-web's; default true. */
  readonly kernels?: boolean;
  /** Runs of each measure and subject, of which the median counts; default 5. */
  readonly rounds?: number;
  readonly onProgress?: (text: string) => void;
}

export interface PeersResult {
  readonly adapter: PeersAdapter;
  /** Of wllama and onnxruntime-web. */
  readonly versions: Readonly<Record<string, string>>;
  readonly models: readonly ModelResult[];
  readonly kernels: KernelsResult | undefined;
}

/** @throws OutriderError `invalid_request` with the commands that prepare the folder, where it is not */
export async function runPeers(options: PeersOptions): Promise<PeersResult> {
  const { adapter = 'lavapipe', models = ['s', 'm'], kernels = true, rounds = 5, onProgress = () => {} } = options;
  const folder = await openPeersFolder(options.folder, adapter, models);
  const server = await servePeers(findCheckout(), folder);
  try {
    const results: ModelResult[] = [];
    for (const [model, vocabSize] of folder.models) {
      const turn = {
        chromium: folder.chromium,
        pageUrl: server.urlOf('index.html'),
        model,
        vocabSize,
        rounds,
        onProgress,
      };
      results.push(await runTurns(turn));
    }
    if (!kernels) return { adapter, versions: folder.versions, models: results, kernels: undefined };
    const page = server.urlOf('kernels.html');
    const compared = await compareKernels(folder.chromium, page, rounds, onProgress);
    return { adapter, versions: folder.versions, models: results, kernels: compared };
  } finally {
    await server.close();
  }
}

export function formatPeers({ adapter, versions, models, kernels }: PeersResult): string {
  const peers = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const head = `Chromium on ${adapter}; ${peers.join(', ')}`;
  return [head, ...models.map(formatModel), ...(kernels ? [formatKernels(kernels)] : [])].join('\n\n');
}
