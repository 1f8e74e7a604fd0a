/** How the library is cut: whoever imports one entry loads what that entry needs, as few files as can be. */

/** What is used of Rolldown's context. */
interface Modules {
  getModuleInfo(id: string): { readonly importedIds: readonly string[] } | null;
}

type Naming = (id: string, modules: Modules) => string | null;

/**
 * Rolldown's groups: what one entry alone loads at once is one file, so that it compresses as one, and so is what several do.
 * Everything else is loaded on demand, and the bundler cuts it.
 * @param entries chunk -> the entry's absolute path
 */
export function chunkByEntry(entries: Readonly<Record<string, string>>): { name: Naming; priority: number }[] {
  let loaded: ReadonlyMap<string, ReadonlySet<string>> | undefined;
  const loadedBy = (id: string, modules: Modules) => {
    loaded ??= new Map(Object.entries(entries).map(([name, entry]) => [name, staticImports(entry, modules)]));
    return [...loaded].filter(([, ids]) => ids.has(id)).map(([name]) => name);
  };
  return [
    // First: a group takes with its modules what they import, unless another has it already.
    { name: (id, modules) => (loadedBy(id, modules).length > 1 ? 'shared' : null), priority: 1 },
    { name: (id, modules) => loadedBy(id, modules)[0] ?? null, priority: 0 },
  ];
}

function staticImports(entry: string, modules: Modules): ReadonlySet<string> {
  const ids = new Set([entry]);
  for (const id of ids) for (const next of modules.getModuleInfo(id)?.importedIds ?? []) ids.add(next);
  return ids;
}
