/** The package as npm gets it, and a project that has installed it. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt, PACKAGE_PARTS } from '../../src/build/fresh.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface PackedPackage {
  /** Absolute path of the .tgz. */
  readonly tarball: string;
  /** Paths within it. */
  readonly files: readonly string[];
}

/** @param folder where the tarball is put */
export async function packPackage(folder: string): Promise<PackedPackage> {
  for (const part of PACKAGE_PARTS) await ensureBuilt(part);
  // What the script `prepack` does was just done.
  const output = npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root);
  const [packed] = JSON.parse(output) as { filename: string; files: { path: string }[] }[];
  return { tarball: join(folder, packed!.filename), files: packed!.files.map(({ path }) => path) };
}

/** A copy of tests/consumer with the package installed, without a network: there is nothing else to install. @returns its folder */
export function installConsumer({ tarball }: PackedPackage): string {
  const folder = mkdtempSync(join(tmpdir(), 'outrider-consumer-'));
  cpSync(join(root, 'tests/consumer'), folder, { recursive: true });
  npm(['install', '--offline', '--no-audit', '--no-fund', '--no-package-lock', tarball], folder);
  for (const tool of ['vite', 'typescript'])
    symlinkSync(join(root, 'node_modules', tool), join(folder, 'node_modules', tool));
  return folder;
}

function npm(args: readonly string[], cwd: string): string {
  const isWindows = process.platform === 'win32';
  return execFileSync(isWindows ? 'npm.cmd' : 'npm', args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: isWindows,
  });
}
