/** Shaders are written to be read and shipped to be small: builds drop comments and needless whitespace, and shorten names. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Plugin } from 'vite';
import { nameShaders, shortenNames } from './wgsl-names.ts';

/** The same tokens in fewer bytes. Spaces stay between words, and between operators that would join (`a- -b`). */
export function compactWgsl(source: string): string {
  return dropComments(source)
    .replace(/\s+/g, ' ')
    .replace(/ ?([{}()[\];,:]) ?/g, '$1')
    .replace(/(?<=\w) (?=\W)|(?<=\W) (?=\w)/g, '')
    .trim();
}

/** The same types and numbers in fewer characters: WGSL's own short names, and no digit that f32 cannot hold. */
export function abbreviateWgsl(code: string): string {
  return code.replace(/\b(vec\d|mat\dx\d)<([fiu])32>/g, '$1$2').replace(/\b\d+\.\d{8,}\b/g, shortestF32);
}

/** The fewest digits that round to the same f32. */
function shortestF32(literal: string): string {
  const value = Math.fround(Number(literal));
  for (let digits = 1; ; digits++) {
    const shorter = Number(literal).toPrecision(digits);
    if (Math.fround(Number(shorter)) === value) return shorter;
  }
}

/** WGSL has no string literals, so a comment mark is a comment mark; block comments nest. */
function dropComments(source: string): string {
  let code = '';
  let depth = 0;
  for (let at = 0; at < source.length; ) {
    const mark = depth > 0 ? /\/\*|\*\//g : /\/\*|\/\/[^\n]*/g;
    mark.lastIndex = at;
    const found = mark.exec(source);
    if (depth === 0) code += `${source.slice(at, found?.index)} `;
    if (!found) break;
    if (found[0] === '/*') depth++;
    else if (found[0] === '*/') depth--;
    at = mark.lastIndex;
  }
  return code;
}

/** Every shader of a folder and the folders in it as builds ship them, by path. */
export function shortenFolder(folder: string): ReadonlyMap<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.wgsl'));
  const files = paths.map((path) => `${folder}/${path.replaceAll('\\', '/')}`).sort();
  const sources = files.map((file) => abbreviateWgsl(compactWgsl(readFileSync(file, 'utf8'))));
  const names = nameShaders(sources);
  // The other way round they compress better by 100 bytes, since what is alike lies nearer together.
  return new Map(files.map((file, index) => [file, shortenNames(sources[index]!, names)] as const).reverse());
}

const TOGETHER = '\0outrider:shaders';
/** Belong to the loader: a chunk takes all of a module that anyone uses, and the core should not carry these. */
const APART = /\/(?:quantize|transpose)\.wgsl$/;

/**
 * Vite plugin: `?raw` imports of the .wgsl files in `shaders/` are shortened in builds. They stand in one module, where they
 * compress best: side by side, kernels share most of their words. Goes into `worker.plugins` too.
 */
export function compactShaders(): Plugin {
  let folder = '';
  let shaders: ReadonlyMap<string, string> = new Map();
  const nameOf = (file: string) => `_${[...shaders.keys()].indexOf(file)}`;
  return {
    name: 'outrider:compact-shaders',
    apply: 'build',
    enforce: 'pre',
    configResolved({ root }) {
      folder = `${root}/shaders`;
    },
    buildStart() {
      shaders = shortenFolder(folder); // anew: files may have changed since the build before
    },
    resolveId: (id) => (id === TOGETHER ? id : null),
    // First in the worker: in the middle they would part the JavaScript by more than the 32 KB that gzip looks back on.
    transform: {
      filter: { id: /\/src\/worker\/entry\.ts$/ },
      handler: (code) => ({ code: `import ${JSON.stringify(TOGETHER)};\n${code}`, map: null }),
    },
    load(id) {
      if (id === TOGETHER) {
        const lines = [...shaders].map(([file, code]) => `export const ${nameOf(file)} = ${JSON.stringify(code)};`);
        return { code: lines.join('\n'), moduleType: 'js' };
      }
      const [file, query] = id.split('?');
      if (query !== 'raw' || !file?.endsWith('.wgsl')) return null;
      this.addWatchFile(file);
      if (APART.test(file)) return { code: `export default ${JSON.stringify(shaders.get(file))};`, moduleType: 'js' };
      return { code: `export { ${nameOf(file)} as default } from ${JSON.stringify(TOGETHER)};`, moduleType: 'js' };
    },
  };
}
