/** xgrammar in this thread, under Node. Only ever imported dynamically: browsers have no `node:vm`. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { compileFunction } from 'node:vm';
import { OutriderError } from '../errors.ts';
import { type GrammarHost, MaskServer, type Xgrammar } from './masks.ts';

const PACKAGE = '@mlc-ai/web-xgrammar';

export function startHost(): GrammarHost {
  const server = new MaskServer(loadLibrary);
  return {
    prepare: (vocabulary) => server.prepare(vocabulary),
    serve: (...args) => server.serve(...args),
    close() {},
  };
}

/**
 * The package says that it is a module, but it is UMD, which Node can neither import nor require. It runs as a function
 * here, that sees a page: what it would do under Node needs names of CommonJS, and its WASM is inside it.
 */
async function loadLibrary(say: (line: string) => void): Promise<Xgrammar> {
  let path: string;
  try {
    path = createRequire(import.meta.url).resolve(PACKAGE);
  } catch (cause) {
    throw new OutriderError('worker_failed', `${PACKAGE} is not installed. Run: npm install ${PACKAGE}`, { cause });
  }
  const module = { exports: {} };
  const page = { process: undefined, window: {}, location: { href: '' }, console: { log: say, warn: say, error: say } };
  const globals = { exports: module.exports, module, ...page };
  const run = compileFunction(await readFile(path, 'utf8'), Object.keys(globals), { filename: path });
  run(...Object.values(globals));
  return module.exports as Xgrammar;
}
