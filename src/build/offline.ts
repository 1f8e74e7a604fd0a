/** Vite plugin: builds the service worker with the list of what it keeps. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin, Rolldown } from 'vite';

/** Where the service worker is, from the project's root and in the build. */
const source = 'src/pages/chat/offline/service-worker.ts';
const fileName = 'service-worker.js';

const largestBytes = 1 << 20; // what is larger is rarely wanted, and kept when it is first used

/**
 * The list has every chunk, style sheet and page, and the files of public/ itself. Folders of public/ hold models, which
 * the library keeps.
 */
export function offlineSite(publicDir: string): Plugin {
  return {
    name: 'outrider:offline-site',
    apply: 'build',
    enforce: 'post',
    buildStart() {
      this.emitFile({ type: 'chunk', id: source, fileName });
    },
    generateBundle: {
      order: 'post', // the pages have got their places
      handler(_options, bundle) {
        const worker = bundle[fileName];
        if (worker?.type !== 'chunk') throw new Error(`${source} was not built into ${fileName}`);
        if (worker.imports.length > 0) throw new Error(`${source} must stand alone, but it shares ${worker.imports}`);
        const built = Object.values(bundle).filter((output) => output !== worker && isKept(output));
        const files = [
          ...built.map((output) => ({ url: urlOf(output.fileName), content: contentOf(output) })),
          ...topFiles(publicDir).map((name) => ({ url: `/${name}`, content: readFileSync(join(publicDir, name)) })),
        ];
        const hash = createHash('sha256');
        for (const { url, content } of files) hash.update(`${url}\n`).update(content);
        const kept = { version: hash.digest('hex').slice(0, 16), files: files.map(({ url }) => url).sort() };
        worker.code = `const KEPT=${JSON.stringify(kept)};${worker.code}`;
      },
    },
  };
}

type Output = Rolldown.OutputChunk | Rolldown.OutputAsset;

const contentOf = (output: Output) => (output.type === 'chunk' ? output.code : output.source);

function isKept(output: Output): boolean {
  const isPart = output.type === 'chunk' || /\.(?:html|css|svg|png|woff2)$/.test(output.fileName);
  return isPart && Buffer.byteLength(contentOf(output)) <= largestBytes;
}

/** `/` for index.html, `/bench/` for bench/index.html. */
const urlOf = (name: string) => `/${name.replace(/(^|\/)index\.html$/, '$1')}`;

const topFiles = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => name)
        .sort()
    : [];
