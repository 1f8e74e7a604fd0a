/** Shaders are written to be read and shipped to be small: builds drop their comments and needless whitespace. */
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

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

/** Vite plugin: `?raw` imports of .wgsl files are compacted in builds. Goes into `worker.plugins` too. */
export function compactShaders(): Plugin {
  return {
    name: 'outrider:compact-shaders',
    apply: 'build',
    enforce: 'pre',
    load(id) {
      const [file, query] = id.split('?');
      if (query !== 'raw' || !file?.endsWith('.wgsl')) return null;
      this.addWatchFile(file);
      return { code: `export default ${JSON.stringify(compactWgsl(readFileSync(file, 'utf8')))};`, moduleType: 'js' };
    },
  };
}
