/**
 * `npm run size`: gzip bytes of what a user downloads, against the budgets. Exits 1 over budget.
 *
 * Of the library: what importing `outrider` loads at once, its worker counted once; what the element adds to that.
 * Of the chat page: what a browser transfers before the page is usable and has shown a first answer of the model that comes with
 * it, on a first visit. A file that page and workers share is transferred, and counted, once. Apart stand files that only some
 * visits need (LAZY); the service worker fetches those, too, when all else is done, so that the page works offline.
 */
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { buildWith } from './fresh.mjs';
import { ensureModules, root } from './modules.mjs';

const CORE_LIMIT = 60_000;
const ELEMENT_LIMIT = 48_000;
const CHAT_LIMIT = 160_000;
/**
 * Modules that are imported on demand, and that a first answer does not demand: the engine or the loader in the page's own
 * thread, a worker's half, engines that tabs share, servers in place of this machine, ways into the API beside chat, requests
 * for more than the next answer, calls of tools, grammars, what only Node has, hub and hash worker; plans, care for what is
 * stored, conversions of other formats, dropped files; colours for code, and other views of an answer; what a person opens by
 * hand (the model dialog, settings, shortcuts, diagnostics, menus, files of conversations); what tells of a failure, or of
 * what a person has done.
 */
const LAZY =
  /api\/(?:fetch|text-completions|remote|request\/(?:validate|token-input)|answer\/logprobs)|chat\/tool-calls|engine\/create|worker\/here|worker\/host|worker\/shared|loader\/(?:page|port|plan|conversions|formats)|storage\/(?:files|drop|cache\/manage|http\/in-order)|src\/grammar|highlight\.js\/|\bnode\b|\blocal\b|\bhub\b|\bhash\b|chat\/(?:problems|answer-views\/(?:calls|highlight|colour|tree|tokens)\.ts|about|models\/(?:card|chooser|library|view\/dialog)|settings\/dialog|help|diagnostics|toast-view|conversations\/(?:files|memory-store|view\/menu))/;

/** What stands for a worker of the site that shares its files; its path follows. */
const WORKER = '\0outrider:worker:';

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

/**
 * The chat page as it is built: its HTML, and the chunks and style sheets of every module that its main module leads to, through
 * imports, dynamic imports and workers that it starts. Lazy are those that only LAZY modules lead to.
 * @returns {Promise<File[]>}
 */
async function chatFiles() {
  /** @type {Map<string, { now: readonly string[]; later: readonly string[] }>} */
  const graph = new Map();
  /** @type {Map<string, ReadonlySet<string>>} */
  const styles = new Map();
  /** @type {import('vite').Plugin} */
  const readGraph = {
    name: 'outrider:read-graph',
    enforce: 'post',
    generateBundle(_options, bundle) {
      for (const id of this.getModuleIds()) {
        const info = this.getModuleInfo(id);
        graph.set(id, { now: info?.importedIds ?? [], later: info?.dynamicallyImportedIds ?? [] });
      }
      for (const chunk of Object.values(bundle))
        if (chunk.type === 'chunk') styles.set(chunk.fileName, chunk.viteMetadata?.importedCss ?? new Set());
    },
  };
  const built = await buildWith({ mode: 'site', logLevel: 'error', plugins: [readGraph], build: { write: false } });
  const { output } = /** @type {{ output: import('vite').Rolldown.RolldownOutput['output'] }} */ (built);
  const chunks = output.filter((file) => file.type === 'chunk');
  const main = join(root, 'src/pages/chat/index.html');
  const contentOf = (/** @type {string} */ name) => {
    const file = output.find(({ fileName }) => fileName === name);
    return file?.type === 'chunk' ? file.code : (file?.source ?? '');
  };
  const linked = [...String(contentOf('index.html')).matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(
    ([, name]) => name ?? '',
  );

  const filesOf = (/** @type {boolean} */ withLazy) => {
    const modules = new Set([main]);
    for (const id of modules) {
      const { now, later } = graph.get(id) ?? { now: [], later: [] };
      for (const to of [...now, ...later]) if (withLazy || now.includes(to) || !LAZY.test(to)) modules.add(to);
      if (id.startsWith(WORKER)) modules.add(id.slice(WORKER.length));
    }
    const names = new Set(
      chunks.filter(({ moduleIds }) => moduleIds.some((id) => modules.has(id))).map((c) => c.fileName),
    );
    for (const name of names)
      for (const to of chunks.find(({ fileName }) => fileName === name)?.imports ?? []) names.add(to);
    return new Set(['index.html', ...linked, ...names, ...[...names].flatMap((name) => [...(styles.get(name) ?? [])])]);
  };
  const counted = filesOf(false);
  return [...filesOf(true)].map((name) => ({ name, content: contentOf(name), lazy: !counted.has(name) }));
}
