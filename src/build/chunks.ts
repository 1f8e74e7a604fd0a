/** How builds are cut: whoever imports one entry loads what that entry needs, as few files as can be. */

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
 * Rolldown's groups for the site: what the same readers load at once is one file. The entries of workers stay by themselves:
 * they start something where they are loaded, and a file of a group is loaded by all of its readers.
 * @param readers name -> absolute paths of what it loads together: entries, and what it imports on demand but at every visit
 */
export function chunkByReader(
  readers: Readonly<Record<string, readonly string[]>>,
  workers: readonly string[],
): { name: Naming; includeDependenciesRecursively: false }[] {
  const loadedBy = findLoaders(Object.entries(readers));
  const name: Naming = (id, modules) => (workers.includes(id) ? null : loadedBy(id, modules).join('-') || null);
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
