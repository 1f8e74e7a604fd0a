/** `outrider plan SOURCE`: what a model would need, before a byte of its weights is fetched. Reads config and headers only. */
import { parseArgs } from 'node:util';
import { OutriderError } from '../errors.ts';
import type { KvDtype } from '../kernels/attention.ts';
import { planSource, type SourcePlanOptions } from '../loader/plan.ts';
import type { Recipe } from '../model/layout/storage.ts';
import type { AdapterLimits } from '../model/plan.ts';
import { openSource } from '../storage/open.ts';
import { formatPlan } from './plan/table.ts';

const OPTIONS = {
  context: { type: 'string' },
  kv: { type: 'string' },
  budget: { type: 'string' },
  limits: { type: 'string' },
  'quantize-on-load': { type: 'string' },
  recipe: { type: 'string' },
  token: { type: 'string' },
  json: { type: 'boolean' },
} as const;

const GIB = 2 ** 30;

/** What adapters of these kinds allow at most, where the driver does not say less. */
const LIMITS: Readonly<Record<string, AdapterLimits | undefined>> = {
  default: undefined,
  metal: { maxBufferSize: 4 * GIB - 4, maxStorageBufferBindingSize: 4 * GIB - 4 },
  d3d12: { maxBufferSize: 2 * GIB, maxStorageBufferBindingSize: 2 * GIB - 4 },
  vulkan: { maxBufferSize: 4 * GIB - 4, maxStorageBufferBindingSize: 2 * GIB - 4 },
  swiftshader: { maxBufferSize: GIB, maxStorageBufferBindingSize: GIB },
  lavapipe: { maxBufferSize: 4 * GIB - 4, maxStorageBufferBindingSize: GIB / 8 },
};

const KV_DTYPES: readonly KvDtype[] = ['f32', 'f16'];
const RECIPES: readonly Recipe[] = ['as-stored', 'int8-backbone'];

const USAGE = `Usage: outrider plan SOURCE [options]
  SOURCE                   a URL, hf:owner/name[@revision], or a folder
  --context N              tokens; default the least of the model's, 8192 and what the budget allows
  --kv DTYPE               keys and values: ${KV_DTYPES.join(', ')}
  --budget SIZE            GPU memory that may be used: 64GB, 48GiB, or bytes
  --limits WHAT            of the adapter: ${Object.keys(LIMITS).join(', ')}, or BUFFER,BINDING in bytes
  --quantize-on-load int4  lossy: feed-forward weights that are floats become int4
  --recipe NAME            ${RECIPES.join(', ')} (lossy: attention, embedding and head that are floats become int8)
  --token TOKEN            for gated repositories; default the environment's HF_TOKEN
  --json                   the plan as JSON`;

/** Exit code 0 where it fits or nobody knows, 1 where it is too large. */
export async function main(argv: readonly string[]): Promise<number> {
  const { location, token, json, options } = parseCommand(argv);
  const plan = await planSource(await openSource(location, { token }), options);
  console.log(json ? JSON.stringify(plan, null, 2) : formatPlan(plan));
  return plan.verdict === 'too-large' ? 1 : 0;
}

interface Command {
  readonly location: string;
  readonly token: string | undefined;
  readonly json: boolean;
  readonly options: SourcePlanOptions;
}

function parseCommand(argv: readonly string[]): Command {
  const { values, positionals } = parseOrExplain(argv);
  const [location, ...more] = positionals;
  if (location === undefined || more.length > 0) throw misuse('Name one source.');
  const quantize = values['quantize-on-load'];
  const options: SourcePlanOptions = {
    contextLength: values.context === undefined ? undefined : wholeNumber('--context', values.context),
    kvDtype: values.kv === undefined ? undefined : oneOf('--kv', values.kv, KV_DTYPES),
    budget: values.budget === undefined ? undefined : parseSize('--budget', values.budget),
    adapterLimits: values.limits === undefined ? undefined : parseLimits(values.limits),
    quantizeOnLoad: quantize === undefined ? undefined : oneOf('--quantize-on-load', quantize, ['int4'] as const),
    recipe: values.recipe === undefined ? undefined : oneOf('--recipe', values.recipe, RECIPES),
  };
  return { location, token: values.token ?? process.env.HF_TOKEN, json: values.json ?? false, options };
}

function parseOrExplain(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
  } catch (cause) {
    throw misuse(`${(cause as Error).message}.`);
  }
}

function wholeNumber(option: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw misuse(`${option} is "${text}"; it must be a whole number of tokens.`);
}

function oneOf<T extends string>(option: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((name) => name === text);
  if (found) return found;
  throw misuse(`${option} is "${text}"; it must be ${allowed.join(' or ')}.`);
}

/** `64GB` is 64e9 bytes, `64GiB` 64 * 2^30. */
export function parseSize(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT])?(i)?B?$/i.exec(text.trim());
  if (!match) throw misuse(`${option} is "${text}"; it must be a size such as 64GB, 48GiB or 64000000000.`);
  const [, number, unit = '', binary] = match;
  return Math.floor(Number(number) * (binary ? 1024 : 1000) ** ' KMGT'.indexOf(unit.toUpperCase() || ' '));
}

function parseLimits(text: string): AdapterLimits | undefined {
  if (Object.hasOwn(LIMITS, text)) return LIMITS[text];
  const sizes = text.split(',');
  if (sizes.length !== 2) {
    throw misuse(`--limits is "${text}"; it must be ${Object.keys(LIMITS).join(', ')} or two sizes, BUFFER,BINDING.`);
  }
  const [maxBufferSize, maxStorageBufferBindingSize] = sizes.map((size) => parseSize('--limits', size));
  return { maxBufferSize: maxBufferSize!, maxStorageBufferBindingSize: maxStorageBufferBindingSize! };
}

function misuse(what: string): OutriderError {
  return new OutriderError('invalid_request', `${what}\n${USAGE}`);
}
