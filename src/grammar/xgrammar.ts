/**
 * xgrammar where a bundler put it. Its package says that it is a module, but it is none (UMD): as a module it exports
 * nothing and leaves its names in the global object, of a worker that has no other use.
 */
import * as bundled from '@mlc-ai/web-xgrammar';
import type { Xgrammar } from './masks.ts';

export const xgrammar = (): Xgrammar =>
  'GrammarCompiler' in bundled ? bundled : (globalThis as unknown as { xgrammar: Xgrammar }).xgrammar;
