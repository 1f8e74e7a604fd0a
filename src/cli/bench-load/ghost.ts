/** The model that is loaded: a ghost of Scout in int4 with as many of its layers as make the size, in a process of its own. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { OutriderError } from '../../errors.ts';
import { ghostSha256 } from '../../ghost/bytes.ts';
import { ghostSpec } from '../../ghost/spec.ts';
import type { GhostFile, GhostSpec } from '../../ghost/types.ts';
import type { StageRequest } from './types.ts';

const NAME = 'scout-w4a16';
const MAX_LAYERS = 48;
/** Below this size the vocabulary is cut, or embedding and head would be most of it. */
const FULL_VOCAB_BYTES = 8e9;

export interface GhostShape {
  readonly layers: number;
  readonly vocab: number;
}

/** The fewest layers that come to so many bytes of weights; all of Scout where even that is less. */
export function shapeOf(bytes: number): GhostShape {
  const vocab = bytes < FULL_VOCAB_BYTES ? 8192 : 202_048;
  let layers = 1;
  while (layers < MAX_LAYERS && specOf({ layers, vocab }).weightFileBytes < bytes) layers++;
  return { layers, vocab };
}

export function specOf({ layers, vocab }: GhostShape): GhostSpec {
  return ghostSpec(NAME, { dims: { layers, vocab, vision: undefined } });
}

export function weightFiles({ files }: GhostSpec): GhostFile[] {
  return [...files.values()].filter(({ path }) => path.endsWith('.safetensors'));
}

/** The weight files as a repository lists them: with hashes. About a second per gigabyte. */
export function listFiles(spec: GhostSpec): StageRequest['files'] {
  return weightFiles(spec).map((file) => ({ path: file.path, size: file.size, sha256: ghostSha256(file) }));
}

export interface RunningGhost {
  readonly url: string;
  readonly pid: number;
  close(): Promise<void>;
}

/**
 * @param command the `outrider` script
 * @param bytesPerSecond of all connections together; undefined for no limit
 * @throws OutriderError `worker_failed` where it does not start
 */
export async function startGhost(command: string, shape: GhostShape, bytesPerSecond?: number): Promise<RunningGhost> {
  const options = ['--text-only', '--layers', `${shape.layers}`, '--vocab', `${shape.vocab}`];
  if (bytesPerSecond !== undefined) options.push('--throttle', `${bytesPerSecond}`);
  const child = spawn(process.execPath, [command, 'ghost', NAME, ...options], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = await Promise.race([
    ended.then(() => undefined),
    createInterface(child.stdout)
      [Symbol.asyncIterator]()
      .next()
      .then(({ value }) => value as string | undefined),
  ]);
  if (url === undefined) {
    throw new OutriderError(
      'worker_failed',
      'The ghost server did not start. Try it alone: outrider ghost scout-w4a16.',
    );
  }
  return {
    url,
    pid: child.pid!,
    async close() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
