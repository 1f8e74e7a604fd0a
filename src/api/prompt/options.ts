/** What a session was created with, checked. */
import type { Fields } from '../fields.ts';
import type { ChatMessage } from '../types.ts';
import { canonicalize } from './messages.ts';
import type {
  LanguageModelCreateCoreOptions,
  LanguageModelCreateOptions,
  LanguageModelExpected,
  LanguageModelTool,
  MessageType,
  SamplingMode,
} from './types.ts';

/** The engine's own limit. */
export const MAX_TEMPERATURE = 2;

/** Of `balanced`, the model's own. */
const TEMPERATURES: Readonly<Record<SamplingMode, number | undefined>> = {
  'most-predictable': 0,
  predictable: 0.3,
  balanced: undefined,
  creative: 1,
  'most-creative': 1.4,
};

const TYPES: readonly MessageType[] = ['text', 'image', 'audio', 'tool-call', 'tool-response'];
const INPUTS: readonly MessageType[] = ['text', 'tool-response'];
const OUTPUTS: readonly MessageType[] = ['text', 'tool-call'];

/** What does not change in a session's life, nor in its clones'. */
export interface SessionOptions {
  readonly samplingMode: SamplingMode;
  /** Fields of every request. */
  readonly sampling: Fields;
  readonly tools: readonly LanguageModelTool[];
  readonly initial: readonly ChatMessage[];
}

/** @throws TypeError, RangeError, or DOMException `SyntaxError`, `NotSupportedError` for messages */
export function parseOptions(options: LanguageModelCreateOptions): SessionOptions {
  checkExpected(options);
  const { initialPrompts, tools = [] } = options;
  for (const { name, execute } of tools) {
    if (typeof execute !== 'function') throw new TypeError(`The tool "${name}" has no function to execute.`);
  }
  const { messages, prefix } = initialPrompts ? canonicalize(initialPrompts, false) : { messages: [], prefix: false };
  if (prefix) throw new DOMException('An initial prompt cannot be a prefix.', 'SyntaxError');
  const isEmpty = initialPrompts?.length === 0;
  return { ...parseSampling(options), tools, initial: isEmpty ? [] : messages };
}

/**
 * @returns whether all types of content that are expected can be had
 * @throws TypeError for what is no type, RangeError for what is no language tag
 */
export function checkExpected({ expectedInputs = [], expectedOutputs = [] }: LanguageModelCreateCoreOptions): boolean {
  const isIn = (types: readonly MessageType[]) => (expected: LanguageModelExpected) => {
    if (!TYPES.includes(expected.type)) throw new TypeError(`"${expected.type}" is no type of content.`);
    Intl.getCanonicalLocales([...(expected.languages ?? [])]);
    return types.includes(expected.type);
  };
  return [...expectedInputs.map(isIn(INPUTS)), ...expectedOutputs.map(isIn(OUTPUTS))].every(Boolean);
}

function parseSampling(options: LanguageModelCreateCoreOptions): Pick<SessionOptions, 'sampling' | 'samplingMode'> {
  const { samplingMode, temperature, topK } = options;
  if (samplingMode !== undefined && !Object.hasOwn(TEMPERATURES, samplingMode)) {
    throw new TypeError(`samplingMode is "${samplingMode}"; it must be ${Object.keys(TEMPERATURES).join(', ')}.`);
  }
  if (samplingMode !== undefined && (temperature !== undefined || topK !== undefined)) {
    throw new TypeError('samplingMode excludes temperature and topK.');
  }
  if (temperature !== undefined && !(temperature >= 0)) throw new RangeError('temperature must be at least 0.');
  if (topK !== undefined && !(topK >= 1)) throw new RangeError('topK must be at least 1.');
  return {
    samplingMode: samplingMode ?? 'balanced',
    sampling: {
      temperature:
        temperature === undefined ? TEMPERATURES[samplingMode ?? 'balanced'] : Math.min(temperature, MAX_TEMPERATURE),
      top_k: topK === undefined ? undefined : Math.min(Math.floor(topK), Number.MAX_SAFE_INTEGER),
    },
  };
}
