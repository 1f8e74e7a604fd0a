/** Answers need only the lexer of `marked`: nodes are built here, by their names. */
import type { Plugin } from 'vite';

/**
 * Vite plugin: leaves out the end of its module, which makes an instance with renderer, parser and options as soon as it is
 * loaded, so that a bundler keeps them all. Throws where the module is another one than was looked at.
 */
export function lexerOfMarked(): Plugin {
  return {
    name: 'outrider:lexer-of-marked',
    apply: 'build',
    transform: {
      filter: { id: /\/node_modules\/marked\/lib\/marked\.esm\.js$/ },
      handler(code) {
        const end = code.search(/var \w+=new \w+;function \w+\(\w+,\w+\)\{return \w+\.parse\(/);
        const lexer = /\b(\w+) as Lexer\b/.exec(code)?.[1];
        if (end < 0 || !lexer)
          throw new Error('marked is built otherwise than before: look where its default instance is');
        return { code: `${code.slice(0, end)}export { ${lexer} as Lexer };`, map: null };
      },
    },
  };
}
