/** Every folder of src/pages with an index.html is a page: chat at `/`, any other at `/its-name/`. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Plugin } from 'vite';

export interface Page {
  /** `/` or `/name/`. */
  readonly url: string;
  /** The HTML file, from the project's root. */
  readonly file: string;
}

export function findPages(root: string): Page[] {
  return readdirSync(join(root, 'src/pages'))
    .map((name) => ({ url: name === 'chat' ? '/' : `/${name}/`, file: `src/pages/${name}/index.html` }))
    .filter(({ file }) => existsSync(join(root, file)));
}

/** Vite plugin: serves each page at its URL while developing, and writes it to the same URL's index.html in a build. */
export function servePages(pages: readonly Page[]): Plugin[] {
  const byFile = (file: string) => pages.find((page) => file === page.file || file === `/${page.file}`);
  return [
    {
      name: 'outrider:serve-pages',
      apply: 'serve',
      configureServer(server) {
        server.middlewares.use((request, _response, next) => {
          const [path, query] = (request.url ?? '').split('?');
          const page = pages.find(({ url }) => url === path);
          if (page) request.url = `/${page.file}${query === undefined ? '' : `?${query}`}`;
          next();
        });
      },
      transformIndexHtml: {
        order: 'pre',
        // The browser would resolve ./main.ts against the page's short URL.
        handler: (html, { path }) => {
          const page = byFile(path);
          return page ? html.replace(/(src|href)="\.\//g, `$1="/${dirname(page.file)}/`) : html;
        },
      },
    },
    {
      name: 'outrider:place-pages',
      apply: 'build',
      enforce: 'post',
      generateBundle(_options, bundle) {
        for (const output of Object.values(bundle)) {
          const page = byFile(output.fileName);
          if (!page || output.type !== 'asset') continue;
          delete bundle[output.fileName];
          this.emitFile({ type: 'asset', fileName: `${page.url.slice(1)}index.html`, source: output.source });
        }
      },
    },
  ];
}
