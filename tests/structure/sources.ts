/** The project's TypeScript and WGSL as the structure tests see it: files, their rooms and their imports. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export interface Source {
  /** From the project's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Import {
  readonly from: string;
  /** A path from the root for the project's own files, else the package as written. */
  readonly to: string;
  readonly own: boolean;
}

/** Files under `folder` with one of these endings. */
export function readSources(folder: string, endings: readonly string[]): Source[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => endings.some((ending) => name.endsWith(ending)))
    .map((name) => join(folder, name).replaceAll('\\', '/'))
    .sort()
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }));
}

const IMPORTS = [
  /^(?:import|export)\b[^'"`;]*?\bfrom\s*'([^']+)'/gm, // import x from, export x from, over several lines
  /^import\s*'([^']+)'/gm,
  /\bimport\(\s*'([^']+)'\s*\)/g, // also import('…').Type
  /\bnew URL\(\s*'([^']+)',\s*import\.meta\.url/g,
];

/** Static, type-only and dynamic imports alike; `?raw` and other queries are dropped. */
export function importsOf({ path, text }: Source): Import[] {
  return IMPORTS.flatMap((pattern) => [...text.matchAll(pattern)]).map((match) => {
    const name = match[1]!.replace(/\?.*$/, '');
    const own = name.startsWith('.') || name.startsWith('/');
    const to = name.startsWith('.')
      ? normalize(join(dirname(path), name)).replaceAll('\\', '/')
      : name.replace(/^\//, '');
    return { from: path, to: own ? to : name, own };
  });
}

/** The packages that builds take in: those that the sources import, but for what stays outside and what only developers run. */
export function bundledPackages(): string[] {
  const sources = readSources('src', ['.ts']).filter(({ path }) => !['build', 'cli'].includes(roomOf(path)));
  const names = sources
    .map(({ path, text }) => ({ path, text: text.replace(/\/\*[\s\S]*?\*\//g, '') })) // examples import too
    .flatMap(importsOf)
    .filter(({ own, to }) => !own && !to.startsWith('node:') && to !== 'webgpu')
    .map(({ to }) => /^(?:@[^/]+\/)?[^/]+/.exec(to)![0]);
  return [...new Set(names)].sort();
}

/** `src/gpu/plan.ts` -> `gpu`; `src/errors.ts` -> `errors`. */
export function roomOf(path: string): string {
  return path.split('/')[1]!.replace(/\.ts$/, '');
}

/** Without comments and string contents, good enough for looking up names. */
export function codeOf(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, ' ')
    .replace(/(^|\s)\/\/.*$/gm, '$1')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''");
}
