/** Builds on demand: a build is made again when anything it could depend on has changed. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './modules.mjs';

const INPUTS = ['src', 'shaders', 'package-lock.json', 'tsconfig.json', 'vite.config.ts'];

/** What npm gets, apart from what lies in the checkout. */
export const PACKAGE_PARTS = /** @type {const} */ (['lib', 'element', 'cli', 'types']);

/**
 * Makes dist/<part> unless it is up to date; once, where several processes want it. Vite's own output goes to stderr.
 * @param {'site' | typeof PACKAGE_PARTS[number]} part
 */
export async function ensureBuilt(part) {
  const release = await lock(join(root, 'dist', `.${part}-lock`));
  try {
    const stamp = join(root, 'dist', part, '.inputs');
    const inputs = fingerprint(part === 'site' ? [...INPUTS, 'public'] : INPUTS);
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs) return;
    console.error(`Building dist/${part} ...`);
    if (part === 'types') await (await import('./types.mjs')).makeTypes();
    else await buildWith({ mode: part, logLevel: 'warn' });
    writeFileSync(stamp, inputs);
  } finally {
    release();
  }
}

/** Waits for other processes that hold it; a process that has gone holds nothing. @param {string} path */
async function lock(path) {
  mkdirSync(join(path, '..'), { recursive: true });
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      return () => rmSync(path);
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    const holder = existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0;
    if (holder && !isRunning(holder)) rmSync(path, { force: true });
    await sleep(200);
  }
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/**
 * Vite's `build` from vite.config.ts, of what is published whoever calls: test runners set NODE_ENV to `test`, for which Vite
 * takes the packages' development builds.
 * @param {import('vite').InlineConfig} config
 */
export async function buildWith(config) {
  const { build } = await import('vite');
  const before = process.env.NODE_ENV;
  process.env.NODE_ENV = 'production';
  try {
    return await build({ root, configFile: join(root, 'vite.config.ts'), ...config });
  } finally {
    if (before === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = before;
  }
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
