import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { nodeBuiltins } from './src/build/builtins.ts';
import { chunkByEntry, chunkByReader, importOnly } from './src/build/chunks.ts';
import { testProjects } from './src/build/lanes.ts';
import { bundleLicenses } from './src/build/licenses.ts';
import { lexerOfMarked } from './src/build/marked.ts';
import { offlineSite } from './src/build/offline.ts';
import { findPages, servePages } from './src/build/pages.ts';
import { compactShaders } from './src/build/wgsl.ts';
import { shareWorkers } from './src/build/workers.ts';

const root = fileURLToPath(new URL('.', import.meta.url));
const pages = findPages(root);
const checks = { bundlerTimings: false }; // a build says something only when something is wrong
/** Dawn is found under Node, where it is installed. */
const withoutDawn = { external: ['webgpu'], checks };
/** Licences stand in a file of their own, so no comment has to stay. */
const small = { minify: true, comments: false };
/** For npm: a file beside the library is found wherever that lies. */
const beside = { publicDir: false, base: './' } as const;

/** The package's entries, by their names in dist/lib. */
const entries = {
  outrider: 'src/index.ts',
  element: 'src/element/index.ts',
  register: 'src/element/register.ts',
  'element-node': 'src/element/node.ts',
  'prompt-api': 'src/api/prompt-api.ts',
};
/** What is loaded at once by those that browsers import. */
const chunks = {
  core: root + entries.outrider,
  chat: root + entries.element,
  prompt: root + entries['prompt-api'],
};

/** The workers that share files with the site's pages, and with each other. */
const workers = { 'engine-worker': `${root}src/worker/entry.ts`, 'loader-worker': `${root}src/loader/entry.ts` };
/** What else is loaded at once: the library when its first engine is made, and what the two workers need. */
const threads = {
  library: ['index.ts', 'loader/client.ts', 'api/engine.ts'].map((file) => `${root}src/${file}`),
  workers: Object.values(workers),
};
const mains = Object.fromEntries(
  pages.map(({ file }) => [basename(dirname(file)), `${root}${dirname(file)}/main.ts`] as const),
);

/** What `vite build --mode …` makes; without a mode, the site. */
const builds: Record<string, ViteUserConfig> = {
  /** dist/lib: the package's modules; the engine's worker inside the core, and as worker.js for what needs a URL. */
  lib: {
    ...beside,
    build: {
      outDir: 'dist/lib',
      assetsDir: '',
      lib: { entry: entries, formats: ['es'] },
      rolldownOptions: {
        ...withoutDawn,
        output: { ...small, codeSplitting: { groups: chunkByEntry(chunks) } },
      },
    },
  },
  /** dist/element/outrider-chat.js: the element in one file, for a script tag; only the SharedWorker stands beside it. */
  element: {
    ...beside,
    build: {
      outDir: 'dist/element',
      assetsDir: '',
      lib: { entry: entries.register, formats: ['es'], fileName: 'outrider-chat' },
      rolldownOptions: { ...withoutDawn, output: { ...small, codeSplitting: false } },
    },
  },
  /** dist/cli/outrider.js: the command line, everything inside but Dawn. */
  cli: {
    publicDir: false,
    build: {
      outDir: 'dist/cli',
      ssr: 'src/cli/main.ts',
      target: 'node20',
      rolldownOptions: { checks, output: { entryFileNames: 'outrider.js' } },
    },
    ssr: { noExternal: true, external: ['webgpu', 'vite'] },
  },
  /** dist/site: the pages and everything of public/. */
  site: {
    build: {
      outDir: 'dist/site',
      // Files that threads share are imported by workers too, which have no document to preload others with.
      modulePreload: {
        polyfill: false,
        resolveDependencies: (_file, needed, { hostType }) => (hostType === 'html' ? needed : []),
      },
      rolldownOptions: {
        ...withoutDawn,
        input: pages.map(({ file }) => file),
        output: { ...small, codeSplitting: { groups: chunkByReader(mains, threads, threads.workers) } },
      },
    },
  },
};

export default defineConfig(({ mode }) => {
  const { build, ...rest } = builds[mode] ?? builds.site!;
  const licenses = bundleLicenses('THIRD_PARTY_LICENSES.txt');
  const isPackage = mode in builds && mode !== 'site';
  const more = mode === 'cli' ? [] : [nodeBuiltins()];
  if (!isPackage) more.push(shareWorkers(workers), importOnly(), offlineSite(`${root}public`));
  return {
    root,
    appType: 'mpa', // a missing file is a 404, not a page
    plugins: [compactShaders(), lexerOfMarked(), servePages(pages), licenses.main, ...more],
    worker: {
      format: 'es',
      plugins: () => [compactShaders(), nodeBuiltins(), licenses.worker],
      // A worker from a Blob has no URL that chunks could be found by: everything goes into one.
      rolldownOptions: {
        ...withoutDawn,
        output: { ...small, codeSplitting: false, ...(isPackage ? { entryFileNames: '[name].js' } : {}) },
      },
    },
    // Sizes are what `npm run size` is for.
    build: { target: 'es2023', emptyOutDir: true, manifest: !isPackage, chunkSizeWarningLimit: Infinity, ...build },
    server: { host: '127.0.0.1' },
    preview: { host: '127.0.0.1' },
    test: { projects: testProjects },
    ...rest,
  };
});
