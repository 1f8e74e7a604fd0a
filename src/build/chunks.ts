/** How builds are cut: whoever imports one entry loads what that entry needs, as few files as can be. */
import type { Plugin } from 'vite';

/** What is used of Rolldown's context. */
interface Modules {
  getModuleInfo(id: string): { readonly importedIds: readonly string[] } | null;
}

type Naming = (id: string, modules: Modules) => string | null;

/**
 * Rolldown's groups for the library: what one entry alone loads at once is one file, so that it compresses as one, and so is
 * what several do. Everything else is loaded on demand, and the bundler cuts it.
 * @param entries chunk -> the entry's absolute path
 */
export function chunkByEntry(entries: Readonly<Record<string, string>>): { name: Naming; priority: number }[] {
  const loadedBy = findLoaders(Object.entries(entries).map(([name, entry]) => [name, [entry]]));
  return [
    // First: a group takes with its modules what they import, unless another has it already.
    { name: (id, modules) => (loadedBy(id, modules).length > 1 ? 'shared' : null), priority: 1 },
    { name: (id, modules) => loadedBy(id, modules)[0] ?? null, priority: 0 },
  ];
}

/**
 * Rolldown's groups for the site: what the same readers load at once is one file. Entries stay by themselves: they start
 * something where they are loaded. What one page alone loads is left to the bundler, since another page may import some of it
 * on demand.
 * @param pages name -> absolute path of its entry
 * @param threads name -> what is loaded together beside the pages: entries, and what is imported on demand but at every visit
 * @param starts those of `threads` that are entries
 */
export function chunkByReader(
  pages: Readonly<Record<string, string>>,
  threads: Readonly<Record<string, readonly string[]>>,
  starts: readonly string[],
): { name: Naming; includeDependenciesRecursively: false }[] {
  const ofPages = Object.entries(pages).map(([name, entry]) => [name, [entry]] as const);
  const loadedBy = findLoaders([...ofPages, ...Object.entries(threads)]);
  const entries = new Set([...Object.values(pages), ...starts]);
  const name: Naming = (id, modules) => {
    const readers = loadedBy(id, modules);
    const isAlone = readers.length === 1 && readers[0]! in pages;
    return entries.has(id) || isAlone ? null : readers.join('-') || null;
  };
  // What a module imports has all of its readers, and maybe more: then it is in a file of theirs.
  return [{ name, includeDependenciesRecursively: false }];
}

/** The names of those whose modules import a module statically. */
function findLoaders(entries: readonly (readonly [string, readonly string[]])[]) {
  let loaded: ReadonlyMap<string, ReadonlySet<string>> | undefined;
  return (id: string, modules: Modules): string[] => {
    loaded ??= new Map(entries.map(([name, paths]) => [name, staticImports(paths, modules)]));
    return [...loaded].filter(([, ids]) => ids.has(id)).map(([name]) => name);
  };
}

function staticImports(entries: readonly string[], modules: Modules): ReadonlySet<string> {
  const ids = new Set(entries);
  for (const id of ids) for (const next of modules.getModuleInfo(id)?.importedIds ?? []) ids.add(next);
  return ids;
}

/**
 * Vite plugin: an `import()` fetches its file and no more. Vite's own also preloads what that file imports, and its style sheets,
 * by links in a document: workers have none, no file that is imported on demand here brings a style sheet, and what such a file
 * imports is on the page already, or one more file.
 */
export function importOnly(): Plugin {
  return {
    name: 'outrider:import-only',
    apply: 'build',
    enforce: 'pre',
    load: (id) =>
      id === '\0vite/preload-helper.js'
        ? { code: 'export const __vitePreload = (load) => load();', moduleType: 'js', moduleSideEffects: false }
        : null,
  };
}
