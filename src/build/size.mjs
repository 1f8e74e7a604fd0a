/** `npm run size`: gzip bytes of what a user downloads, against the budgets. Exits 1 over budget. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { buildWith, ensureBuilt } from './fresh.mjs';
import { ensureModules, root } from './modules.mjs';

const CORE_LIMIT = 60_000;
const ELEMENT_LIMIT = 48_000;
const CHAT_LIMIT = 160_000;
/**
 * Chunks that hardly any visit loads, listed apart: the engine or the loader in the page's own thread, a worker's half, engines
 * that tabs share, servers in place of this machine, grammars, what only Node has, hub and hash worker, colours for each
 * language of code, and what a person opens by hand: the model dialog, settings, shortcuts, diagnostics, files of
 * conversations.
 */
const LAZY =
  /engine\/create|worker\/here|worker\/host|worker\/shared|loader\/port|api\/remote|src\/grammar|highlight\.js|\bnode\b|\blocal\b|\bhub\b|\bhash\b|\bviews\b|chat\/(?:settings\/dialog|help|diagnostics|conversations\/files)/;

/**
 * What core and lazy chunks have separately in the built library, since its worker is a bundle of its own: what the page's own
 * thread needs where it has no worker, and the parser of templates, which only the loader uses.
 */
const APART = [
  { from: /src\/index\.ts$/, to: /engine\/create|worker\/host/ },
  { from: /src\/chat\/program\.ts$/, to: /@huggingface\/jinja/ },
];

ensureModules();
const library = await buildLibrary();
const core = library.imports('outrider.js');
const element = library.imports('register.js');
const within = [
  print('core: the static import graph of `outrider`, its worker counted once', CORE_LIMIT, library.files(core)),
  print('element: the static import graph of `outrider/element/register`, beyond core', ELEMENT_LIMIT, [
    ...library.files(element).filter(({ name, lazy }) => !lazy && !core.has(name)),
  ]),
  print('chat page: static and first-use chunks', CHAT_LIMIT, await chatFiles()),
];
process.exit(within.every(Boolean) ? 0 : 1);

/** @typedef {{ name: string; content: string | Uint8Array; lazy: boolean }} File */

/** One table; whether it is within the limit. @param {string} title @param {number} limit @param {File[]} files */
function print(title, limit, files) {
  const rows = files.map(({ name, content, lazy }) => ({ name, lazy, bytes: gzipSync(content, { level: 9 }).length }));
  const total = rows.reduce((sum, { bytes, lazy }) => sum + (lazy ? 0 : bytes), 0);
  console.log(`${title}: ${total} of ${limit} bytes gzip${total > limit ? ', OVER BUDGET' : ''}`);
  for (const { name, bytes, lazy } of rows) {
    console.log(`${bytes.toLocaleString('en').padStart(10)}  ${name}${lazy ? ' (lazy, not counted)' : ''}`);
  }
  return total <= limit;
}

/** The library, with its worker as a part of the graph instead of a text inside it. */
async function buildLibrary() {
  /** @type {import('vite').Plugin} */
  const workerOnce = {
    name: 'outrider:worker-once',
    enforce: 'pre',
    async resolveId(id, importer, options) {
      if (!APART.some(({ from, to }) => from.test(importer ?? '') && to.test(id))) return null;
      const resolved = await this.resolve(id, importer, { ...options, skipSelf: true });
      return resolved && { ...resolved, id: `${resolved.id}?apart` };
    },
    // First, as its shaders are in its own bundle: in the middle of the JavaScript they would compress worse.
    transform: (code, id) =>
      id.endsWith('src/index.ts') ? { code: `import './worker/entry.ts';\n${code}`, map: null } : null,
    load(id) {
      const [file, query] = id.split('?');
      return query === 'worker&inline' ? `import ${JSON.stringify(file)}; export default class {}` : null;
    },
  };
  const built = await buildWith({ mode: 'lib', logLevel: 'error', plugins: [workerOnce], build: { write: false } });
  const { output } = /** @type {{ output: import('vite').Rolldown.OutputChunk[] }[]} */ (built)[0] ?? { output: [] };
  const chunks = new Map(output.filter(({ type }) => type === 'chunk').map((chunk) => [chunk.fileName, chunk]));
  return {
    /** What an entry loads at once. @param {string} entry */
    imports(entry) {
      const names = new Set([entry]);
      for (const name of names) for (const next of chunks.get(name)?.imports ?? []) names.add(next);
      return names;
    },
    /** Every chunk; lazy are those that are not counted. @param {ReadonlySet<string>} counted @returns {File[]} */
    files: (counted) =>
      [...chunks.values()].map(({ fileName, code }) => ({
        name: fileName,
        content: code,
        lazy: !counted.has(fileName),
      })),
  };
}

/** The built chat page: its HTML, and every chunk and style sheet that the manifest leads to. @returns {Promise<File[]>} */
async function chatFiles() {
  await ensureBuilt('site');
  const folder = join(root, 'dist/site');
  /** @type {Record<string, { file: string; css?: string[]; imports?: string[]; dynamicImports?: string[] }>} */
  const manifest = JSON.parse(readFileSync(join(folder, '.vite/manifest.json'), 'utf8'));
  /** @type {Map<string, boolean>} */
  const lazyByFile = new Map([['index.html', false]]);
  const visit = (/** @type {string} */ key, /** @type {boolean} */ lazy) => {
    const chunk = manifest[key];
    if (!chunk || lazyByFile.has(chunk.file)) return;
    for (const file of [chunk.file, ...(chunk.css ?? [])]) lazyByFile.set(file, lazy);
    for (const next of chunk.imports ?? []) visit(next, lazy);
    for (const next of chunk.dynamicImports ?? []) visit(next, lazy || LAZY.test(next));
  };
  visit('src/pages/chat/index.html', false);
  return [...lazyByFile].map(([name, lazy]) => ({ name, content: readFileSync(join(folder, name)), lazy }));
}
