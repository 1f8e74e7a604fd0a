/** What is read of a request. */
import type { GenerateRequest } from '../../engine/request.ts';
import type { Fields } from '../fields.ts';
import type { GrammarSpec } from '../grammars.ts';

export interface ParsedRequest {
  readonly generate: GenerateRequest;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly toolUse: ToolUse;
  /** What the answer must look like; undefined: anything. */
  readonly grammar: GrammarSpec | undefined;
}

/** What a request's tools mean for its answer. */
export interface ToolUse {
  /** For the template; undefined: the prompt has no tools. */
  readonly described: readonly Fields[] | undefined;
  /** Names of functions that are recognized in the answer; undefined: nothing is. */
  readonly callable: readonly string[] | undefined;
  /** Whether calls after the first are given out. */
  readonly parallel: boolean;
  /** Where the answer must be a call. */
  readonly grammar: Extract<GrammarSpec, { kind: 'tools' }> | undefined;
}

export const NO_TOOLS: ToolUse = { described: undefined, callable: undefined, parallel: true, grammar: undefined };
