/** `npm run size`: gzip bytes of what a user downloads, against the budgets. Exits 1 over budget. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ensureBuilt } from './fresh.mjs';
import { ensureModules, root } from './modules.mjs';

/**
 * `core` is the static import graph of `outrider`, its inlined worker with it. A page also counts the chunks that it
 * loads at first use; chunks that most visits never load are LAZY and listed apart.
 * @type {{ name: string; mode: 'lib' | 'site'; entry: string; extra: string[]; firstUse: boolean; limit: number }[]}
 */
const BUDGETS = [
  { name: 'core', mode: 'lib', entry: 'src/index.ts', extra: [], firstUse: false, limit: 60_000 },
  {
    name: 'chat page',
    mode: 'site',
    entry: 'src/pages/chat/index.html',
    extra: ['index.html'],
    firstUse: true,
    limit: 160_000,
  },
];
/** For `worker: false`, and for Node. */
const LAZY = /in-thread|node\.ts/;

/** @typedef {{ file: string; css?: string[]; imports?: string[]; dynamicImports?: string[] }} Chunk */

ensureModules();
let over = false;
for (const budget of BUDGETS) {
  await ensureBuilt(budget.mode);
  over = measure(budget) > budget.limit || over;
}
process.exit(over ? 1 : 0);

/** Prints one table. @param {typeof BUDGETS[number]} budget @returns {number} bytes that count */
function measure({ name, mode, entry, extra, firstUse, limit }) {
  const folder = join(root, 'dist', mode);
  /** @type {Record<string, Chunk>} */
  const manifest = JSON.parse(readFileSync(join(folder, '.vite/manifest.json'), 'utf8'));
  const { counted, lazy } = walk(manifest, entry, firstUse);
  const size = (/** @type {string} */ file) => gzipSync(readFileSync(join(folder, file)), { level: 9 }).length;
  const total = [...extra, ...counted].reduce((sum, file) => sum + size(file), 0);
  console.log(`${name}: ${total} of ${limit} bytes${total > limit ? ' OVER BUDGET' : ''}`);
  for (const file of [...extra, ...counted]) console.log(`${String(size(file)).padStart(9)}  ${file}`);
  for (const file of lazy) console.log(`${String(size(file)).padStart(9)}  ${file} (lazy, not counted)`);
  return total;
}

/** Files that `entry` loads. @param {Record<string, Chunk>} manifest @param {string} entry @param {boolean} firstUse */
function walk(manifest, entry, firstUse) {
  const counted = new Set();
  const lazy = new Set();
  const visit = (/** @type {string} */ key, /** @type {Set<string>} */ into) => {
    const chunk = manifest[key];
    if (!chunk || into.has(chunk.file)) return;
    for (const file of [chunk.file, ...(chunk.css ?? [])]) into.add(file);
    for (const next of chunk.imports ?? []) visit(next, into);
    for (const next of chunk.dynamicImports ?? []) {
      visit(next, into === counted && firstUse && !LAZY.test(next) ? counted : lazy);
    }
  };
  visit(entry, counted);
  return { counted: [...counted], lazy: [...lazy].filter((file) => !counted.has(file)) };
}
