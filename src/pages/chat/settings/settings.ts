/** Request fields that a person chose, remembered in this browser. */
import type { ChatCompletionRequest, FunctionTool } from '../../../index.ts';
import { readJson, writeJson } from '../../shared/storage.ts';
import { isReadable, parseSchema } from './json.ts';

/** What is chosen; an absent field leaves the decision to the model's own `generation_config.json`. */
export interface Settings {
  /** 0..2. */
  readonly temperature?: number;
  /** 0..1. */
  readonly topP?: number;
  /** Tokens; 0 keeps all. */
  readonly topK?: number;
  /** 0..1. */
  readonly minP?: number;
  /** -2..2. */
  readonly presencePenalty?: number;
  /** -2..2. */
  readonly frequencyPenalty?: number;
  /** Above 0. */
  readonly repetitionPenalty?: number;
  readonly seed?: number;
  /** Tokens per answer. */
  readonly maxTokens?: number;
  readonly systemPrompt?: string;
  /** What becomes of a conversation that is too long; absent means 'error'. */
  readonly overflow?: 'truncate';
  /** The form of all answers; absent means any text. */
  readonly format?: 'json_object' | 'json_schema';
  /** JSON text of the schema, which counts only with its format. */
  readonly schema?: string;
  /** JSON text of a list of OpenAI's tools, which the model may call. */
  readonly tools?: string;
  /** Answers come with the probabilities of their tokens. */
  readonly probabilities?: true;
}

export type NumberName =
  | 'temperature'
  | 'topP'
  | 'topK'
  | 'minP'
  | 'presencePenalty'
  | 'frequencyPenalty'
  | 'repetitionPenalty'
  | 'maxTokens'
  | 'seed';

/** What a number may be. */
export interface Range {
  readonly min: number;
  readonly max?: number | undefined;
  readonly integer?: boolean | undefined;
}

export const ranges: Readonly<Record<NumberName, Range>> = {
  temperature: { min: 0, max: 2 },
  topP: { min: 0, max: 1 },
  topK: { min: 0, integer: true },
  minP: { min: 0, max: 1 },
  presencePenalty: { min: -2, max: 2 },
  frequencyPenalty: { min: -2, max: 2 },
  repetitionPenalty: { min: 0.01, max: 10 },
  maxTokens: { min: 1, integer: true },
  seed: { min: 0, max: 4294967295, integer: true },
};

const key = 'outrider.settings';

/** What this browser remembers; what is no possible value counts as absent. */
export function readSettings(): Settings {
  const stored = (readJson('localStorage', key) ?? {}) as Record<string, unknown>;
  const numbers = (Object.keys(ranges) as NumberName[]).filter((name) => isWithin(stored[name], ranges[name]));
  const { systemPrompt, overflow, format, schema, tools, probabilities } = stored;
  return {
    ...Object.fromEntries(numbers.map((name) => [name, stored[name]])),
    ...(typeof systemPrompt === 'string' && systemPrompt !== '' && { systemPrompt }),
    ...(overflow === 'truncate' && { overflow }),
    ...((format === 'json_object' || format === 'json_schema') && { format }),
    ...(isReadable(schema, parseSchema) && { schema }),
    ...(isReadable(tools, parseList) && { tools }),
    ...(probabilities === true && { probabilities }),
  };
}

/** Remembers these settings instead of all earlier ones. */
export function writeSettings(settings: Settings): void {
  writeJson('localStorage', key, Object.keys(settings).length > 0 ? settings : undefined);
}

/** The chosen fields in OpenAI's words; absent ones stay absent. */
export function requestFields(settings: Settings) {
  const { temperature, topP, topK, minP, maxTokens, seed, overflow } = settings;
  const { presencePenalty, frequencyPenalty, repetitionPenalty } = settings;
  return {
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { top_p: topP }),
    ...(topK !== undefined && { top_k: topK }),
    ...(minP !== undefined && { min_p: minP }),
    ...(presencePenalty !== undefined && { presence_penalty: presencePenalty }),
    ...(frequencyPenalty !== undefined && { frequency_penalty: frequencyPenalty }),
    ...(repetitionPenalty !== undefined && { repetition_penalty: repetitionPenalty }),
    ...(maxTokens !== undefined && { max_tokens: maxTokens }),
    ...(seed !== undefined && { seed }),
    ...(overflow !== undefined && { truncation: overflow }),
    ...answerFields(settings),
  };
}

const numAlternatives = 5; // as many as a glance takes in

/** What answers may be. JSON and calls exclude each other, so that tools are left out while answers are JSON. */
function answerFields({ format, schema, probabilities, ...settings }: Settings): AnswerFields {
  const tools = toolsOf({ format, ...settings });
  const json_schema = { name: 'answer', ...(schema !== undefined && { schema: parseSchema(schema) }) };
  return {
    ...(format === 'json_object' && { response_format: { type: format } }),
    ...(format === 'json_schema' && { response_format: { type: format, json_schema } }),
    ...(tools.length > 0 && { tools }),
    ...(probabilities && { logprobs: true, top_logprobs: numAlternatives }),
  };
}

type AnswerFields = Pick<ChatCompletionRequest, 'response_format' | 'tools' | 'logprobs' | 'top_logprobs'>;

/** The tools that the model is told of: the page checks only that they are a list, the request everything else. */
export function toolsOf({ format, tools }: Pick<Settings, 'format' | 'tools'>): readonly FunctionTool[] {
  return tools === undefined || format !== undefined ? [] : (parseList(tools) as readonly FunctionTool[]);
}

function parseList(text: string): readonly unknown[] | undefined {
  const list: unknown = JSON.parse(text);
  return Array.isArray(list) ? list : undefined;
}

function isWithin(value: unknown, { min, max = Number.MAX_SAFE_INTEGER, integer }: Range): boolean {
  return typeof value === 'number' && value >= min && value <= max && (!integer || Number.isInteger(value));
}
