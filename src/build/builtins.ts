/**
 * Browser builds must not name Node's modules: bundlers that meet `node:fs` in a package warn, leave it out or give up, even
 * in a chunk that no browser loads. So builds ask Node for them when they are needed.
 */
import { isBuiltin } from 'node:module';
import type { Plugin } from 'vite';

const VIRTUAL = '\0outrider:';

/** Vite plugin: imports of Node's modules become `process.getBuiltinModule`; undefined where there is no Node. Goes into `worker.plugins` too. */
export function nodeBuiltins(): Plugin {
  return {
    name: 'outrider:node-builtins',
    apply: 'build',
    enforce: 'pre',
    resolveId: (id) => (isBuiltin(id) ? VIRTUAL + id : null),
    load(id) {
      if (!id.startsWith(VIRTUAL) || !isBuiltin(id.slice(VIRTUAL.length))) return null;
      const name = id.slice(VIRTUAL.length);
      const exported = Object.keys(process.getBuiltinModule(name) as object).filter((key) => /^[a-z]\w*$/i.test(key));
      const lines = exported
        .filter((key) => key !== 'default')
        .map((key) => `const _${key} = /* @__PURE__ */ of('${key}'); export { _${key} as ${key} };`);
      // Builds in one file evaluate all modules at once, in browsers too.
      const of = `const of = (key) => globalThis.process?.getBuiltinModule?.('${name}')?.[key];`;
      return { code: [of, ...lines].join('\n'), moduleType: 'js', moduleSideEffects: false };
    },
  };
}
