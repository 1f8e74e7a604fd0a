/** Lets a build drop what a dependency's bundle computes when it is loaded and nothing reads. */
import type { Plugin } from 'vite';

/** The tokenizer library's tables of bytes and their characters: calls that nothing but their arguments go into. */
const TABLES = /^(var \w+ = )(?=\(\(\) => \{|reverse_dictionary\()/gm;

/** Vite plugin: marks these as pure, which the bundler cannot see by itself. Goes into `worker.plugins` too. */
export function pureTables(): Plugin {
  return {
    name: 'outrider:pure-tables',
    apply: 'build',
    transform: {
      filter: { id: /[\\/]@huggingface[\\/]tokenizers[\\/]/ },
      handler: (code) => code.replace(TABLES, '$1/* @__PURE__ */ '),
    },
  };
}
