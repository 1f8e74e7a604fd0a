/** Shaders are written to be read and shipped to be small: builds drop comments and needless whitespace, and shorten names. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';
import { nameShaders, type ShaderNames, shortenNames } from './wgsl-names.ts';

/** The same tokens in fewer bytes. Spaces stay between words, and between operators that would join (`a- -b`). */
export function compactWgsl(source: string): string {
  return dropComments(source)
    .replace(/\s+/g, ' ')
    .replace(/ ?([{}()[\];,:]) ?/g, '$1')
    .replace(/(?<=\w) (?=\W)|(?<=\W) (?=\w)/g, '')
    .trim();
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

/** Names for all shaders of a folder and the folders in it. */
export function nameFolder(folder: string): ShaderNames {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.wgsl'));
  return nameShaders(files.sort().map((name) => compactWgsl(readFileSync(join(folder, name), 'utf8'))));
}

/** Vite plugin: `?raw` imports of the .wgsl files in `shaders/` are shortened in builds. Goes into `worker.plugins` too. */
export function compactShaders(): Plugin {
  let folder = '';
  let names: ShaderNames | undefined;
  return {
    name: 'outrider:compact-shaders',
    apply: 'build',
    enforce: 'pre',
    configResolved({ root }) {
      folder = join(root, 'shaders');
    },
    buildStart() {
      names = undefined; // files may have changed since the build before
    },
    load(id) {
      const [file, query] = id.split('?');
      if (query !== 'raw' || !file?.endsWith('.wgsl')) return null;
      this.addWatchFile(file);
      names ??= nameFolder(folder);
      const code = shortenNames(compactWgsl(readFileSync(file, 'utf8')), names);
      return { code: `export default ${JSON.stringify(code)};`, moduleType: 'js' };
    },
  };
}
