/** What a golden folder expects: tensors (`expected.safetensors`) or cases (`expected.json` with ids alone). */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { headerLength, PREFIX_BYTES, parseHeader } from '../checkpoint/header.ts';
import { isObject, parseJson } from '../checkpoint/json.ts';
import { OutriderError } from '../errors.ts';

export interface ExpectedTensors {
  readonly kind: 'tensors';
  /** Names of prompts: `P` of `P.ids`. */
  readonly prompts: readonly string[];
  /** Tokens of the longest prompt and its continuation. */
  readonly longest: number;
  /** f32 or i32 values of a tensor; undefined where it is not stored. */
  get(name: string): Float32Array | Int32Array | undefined;
  /** Transformers' own bf16 run against its f32 run, where it was measured. */
  bf16(prompt: string): { readonly meanAbs: number; readonly flips: number; readonly choices: number } | undefined;
}

export interface ExpectedCases {
  readonly kind: 'cases';
  readonly cases: readonly {
    readonly prompt: string;
    readonly inputIds: readonly number[];
    readonly greedyIds: readonly number[];
  }[];
  /** Logits after the last id of a long prompt. */
  readonly long: { readonly ids: readonly number[]; readonly lastLogits: readonly number[] } | undefined;
  readonly perplexity: number | undefined;
}

export type Expected = ExpectedTensors | ExpectedCases;

/** @param file instead of `folder`/expected.json. @returns undefined where the folder expects nothing */
export async function readExpected(
  folder: string,
  file = join(folder, 'expected.json'),
): Promise<Expected | undefined> {
  const json = await readJson(file);
  if (json === undefined) return undefined;
  if (Array.isArray(json.cases)) return readCases(json, file);
  const path = join(folder, 'expected.safetensors');
  if (!(await exists(path)))
    throw new OutriderError(
      'checkpoint_invalid',
      `${file} lists no cases, and there is no ${path}. One of the two must say what is expected.`,
    );
  return readTensors(await readFile(path), json);
}

async function readJson(file: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  if (!(await exists(file))) return undefined;
  // Python's json module writes numbers that JSON has no words for: the least router margin of a dense model is Infinity.
  const text = (await readFile(file, 'utf8')).replace(/(?<=[:[,]\s*)-?(?:Infinity|NaN)(?=\s*[,\]}])/g, 'null');
  const json = parseJson(text, file);
  if (!isObject(json)) throw new OutriderError('checkpoint_invalid', `${file} is not a JSON object.`);
  return json;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function readCases(json: Readonly<Record<string, unknown>>, file: string): ExpectedCases {
  const cases = (json.cases as Record<string, unknown>[]).map((entry, index) => ({
    prompt: String(entry.prompt ?? index),
    inputIds: ids(entry.input_ids, `${file}: cases[${index}].input_ids`),
    greedyIds: ids(entry.greedy_ids, `${file}: cases[${index}].greedy_ids`),
  }));
  const { long_input_ids: longIds, long_last_logits: lastLogits, perplexity } = json;
  const long =
    longIds === undefined ? undefined : { ids: ids(longIds, 'long_input_ids'), lastLogits: lastLogits as number[] };
  return { kind: 'cases', cases, long, perplexity: typeof perplexity === 'number' ? perplexity : undefined };
}

function ids(value: unknown, name: string): number[] {
  if (Array.isArray(value) && value.every((id) => Number.isInteger(id))) return value;
  throw new OutriderError('checkpoint_invalid', `${name} must be a list of ids.`);
}

function readTensors(bytes: Buffer, json: Readonly<Record<string, unknown>>): ExpectedTensors {
  const facts = { file: 'expected.safetensors', fileSize: bytes.length };
  const head = PREFIX_BYTES + headerLength(bytes.subarray(0, PREFIX_BYTES), facts);
  const tensors = new Map(parseHeader(bytes.subarray(0, head), facts).map((tensor) => [tensor.name, tensor]));
  const get = (name: string) => {
    const tensor = tensors.get(name);
    if (!tensor) return undefined;
    const buffer = bytes.buffer.slice(bytes.byteOffset + tensor.start, bytes.byteOffset + tensor.end);
    return tensor.dtype === 'I32' ? new Int32Array(buffer as ArrayBuffer) : new Float32Array(buffer as ArrayBuffer);
  };
  const prompts = [...tensors.keys()].filter((name) => name.endsWith('.ids')).map((name) => name.slice(0, -4));
  const lengths = prompts.map((prompt) => get(`${prompt}.ids`)!.length + (get(`${prompt}.greedy`)?.length ?? 0));
  const notes = isObject(json.prompts) ? json.prompts : {};
  return {
    kind: 'tensors',
    prompts,
    longest: Math.max(...lengths),
    get,
    bf16(prompt) {
      const note = notes[prompt] as
        | { bf16_vs_f32?: Record<string, number>; bf16_vs_f32_same_routing?: Record<string, number> }
        | undefined;
      if (!note?.bf16_vs_f32 || !note.bf16_vs_f32_same_routing) return undefined;
      return {
        meanAbs: note.bf16_vs_f32_same_routing.mean_abs!,
        flips: note.bf16_vs_f32.routing_flips!,
        choices: note.bf16_vs_f32.routing_choices!,
      };
    },
  };
}
