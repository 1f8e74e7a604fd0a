/** The site's workers are modules beside its pages: what several threads need is one file, which a browser fetches once. */
import { dirname, resolve } from 'node:path';
import type { Plugin } from 'vite';

const QUERY = '?worker&inline';
const VIRTUAL = '\0outrider:worker:';

/**
 * Vite plugin for a build whose files stay together on one origin: workers that elsewhere are texts inside of the library,
 * started from a Blob, become entries of the same build and start from their URLs.
 * @param workers name of the file -> absolute path of the worker's module; others stay texts
 */
export function shareWorkers(workers: Readonly<Record<string, string>>): Plugin {
  const fileOf = (id: string, importer = '') => resolve(dirname(importer), id.slice(0, -QUERY.length));
  const nameOf = (file: string) => Object.keys(workers).find((name) => workers[name] === file);
  return {
    name: 'outrider:share-workers',
    apply: 'build',
    enforce: 'pre',
    resolveId: (id, importer) =>
      id.endsWith(QUERY) && nameOf(fileOf(id, importer)) ? VIRTUAL + fileOf(id, importer) : null,
    load(id) {
      if (!id.startsWith(VIRTUAL)) return null;
      const file = id.slice(VIRTUAL.length);
      const reference = this.emitFile({ type: 'chunk', id: file, name: nameOf(file)! });
      const url = `import.meta.ROLLUP_FILE_URL_${reference}`;
      const code = `export default function (options) { return new Worker(${url}, { ...options, type: 'module' }); }`;
      return { code, moduleType: 'js' };
    },
  };
}
