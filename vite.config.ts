import { fileURLToPath } from 'node:url';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { testProjects } from './src/build/lanes.ts';
import { bundleLicenses } from './src/build/licenses.ts';
import { offlineSite } from './src/build/offline.ts';
import { findPages, servePages } from './src/build/pages.ts';
import { pureTables } from './src/build/pure.ts';
import { compactShaders } from './src/build/wgsl.ts';

const root = fileURLToPath(new URL('.', import.meta.url));
const pages = findPages(root);
const checks = { bundlerTimings: false }; // a build says something only when something is wrong
/** What only Node has is imported dynamically and stays outside of what browsers get. */
const lazily = { external: [/^node:/, 'webgpu'], checks };
/** Licences stand in a file of their own, so no comment has to stay. */
const small = { minify: true, comments: false };

/** What `vite build --mode …` makes; without a mode, the site. */
const builds: Record<string, ViteUserConfig> = {
  /** dist/lib/outrider.js: the public API as one module, its worker inside; the SharedWorker, which needs a URL, beside it. */
  lib: {
    publicDir: false,
    base: './', // the SharedWorker is a file beside the library, wherever that lies
    build: {
      outDir: 'dist/lib',
      assetsDir: '',
      lib: { entry: 'src/index.ts', formats: ['es'], fileName: 'outrider' },
      // One file for all that is loaded at once, so that it compresses as one.
      rolldownOptions: {
        ...lazily,
        output: { ...small, codeSplitting: { groups: [{ name: 'core', tags: ['$initial'] }] } },
      },
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
      rolldownOptions: { ...lazily, input: pages.map(({ file }) => file) },
    },
  },
};

export default defineConfig(({ mode }) => {
  const { build, ...rest } = builds[mode] ?? builds.site!;
  const licenses = bundleLicenses('THIRD_PARTY_LICENSES.txt');
  const offline = mode === 'lib' || mode === 'cli' ? [] : [offlineSite(`${root}public`)];
  return {
    root,
    appType: 'mpa', // a missing file is a 404, not a page
    plugins: [compactShaders(), pureTables(), servePages(pages), licenses.main, ...offline],
    worker: {
      format: 'es',
      plugins: () => [compactShaders(), pureTables(), licenses.worker],
      // A worker from a Blob has no URL that chunks could be found by: everything goes into one.
      rolldownOptions: { ...lazily, output: { ...small, codeSplitting: false } },
    },
    build: { target: 'es2023', emptyOutDir: true, manifest: true, ...build },
    server: { host: '127.0.0.1' },
    preview: { host: '127.0.0.1' },
    test: { projects: testProjects },
    ...rest,
  };
});
