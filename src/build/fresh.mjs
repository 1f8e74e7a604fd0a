/** Builds on demand: a build is made again when anything it could depend on has changed. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './modules.mjs';

const INPUTS = ['src', 'shaders', 'package-lock.json', 'tsconfig.json', 'vite.config.ts'];

/**
 * Makes dist/<mode> unless it is up to date. Vite's own output goes to stderr.
 * @param {'site' | 'lib' | 'cli'} mode
 */
export async function ensureBuilt(mode) {
  const stamp = join(root, 'dist', mode, '.inputs');
  const inputs = fingerprint(mode === 'site' ? [...INPUTS, 'public'] : INPUTS);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs) return;
  console.error(`Building dist/${mode} ...`);
  const { build } = await import('vite');
  await build({ root, mode, logLevel: 'warn' });
  writeFileSync(stamp, inputs);
}

/** A hash over path, size and time of every file. @param {string[]} paths from the root @returns {string} */
function fingerprint(paths) {
  const hash = createHash('sha256');
  const visit = (/** @type {string} */ path) => {
    const stats = statSync(join(root, path));
    if (stats.isFile()) hash.update(`${path} ${stats.size} ${stats.mtimeMs}\n`);
    else for (const name of readdirSync(join(root, path)).sort()) visit(`${path}/${name}`);
  };
  for (const path of paths) visit(path);
  return hash.digest('hex');
}
