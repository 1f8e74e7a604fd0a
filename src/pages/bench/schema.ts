/** Results from elsewhere: pasted, or kept by an earlier version of this page. Checked field by field before use. Pure. */
import { type BenchResults, RESULTS_VERSION } from '../../bench/results.ts';
import { OutriderError } from '../../errors.ts';

/** Says what is wrong at `path`, or nothing. */
type Check = (value: unknown, path: string) => string | undefined;
/** A check for every field of T: a field that is added to the results and forgotten here is a type error. */
type Fields<T> = { readonly [K in keyof T]-?: Check };

const kind = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'an object'
        : `a ${typeof value}`;
const expected =
  (name: string, test: (value: unknown) => boolean): Check =>
  (value, path) =>
    test(value) ? undefined : `${path} is ${value === undefined ? 'missing' : kind(value)} and must be ${name}`;

const text = expected('a text', (value) => typeof value === 'string');
const flag = expected('true or false', (value) => typeof value === 'boolean');
const number = expected('a number', (value) => Number.isFinite(value));
/** What a broken driver computes may be no number, and JSON says null for that. */
const numberOrNull = expected('a number', (value) => value === null || Number.isFinite(value));
const positive = expected('a number above 0', (value) => Number.isFinite(value) && (value as number) > 0);
const oneOf = (...names: string[]) =>
  expected(`one of ${names.join(', ')}`, (value) => names.includes(value as string));
const optional =
  (check: Check): Check =>
  (value, path) =>
    value === undefined ? undefined : check(value, path);

function list(check: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) return expected('a list', () => false)(value, path);
    return first(value.map((item, index) => [item, check, `${path}[${index}]`]));
  };
}

function object<T>(fields: Fields<T>): Check {
  return (value, path) => {
    if (typeof value !== 'object' || value === null) return expected('an object', () => false)(value, path);
    const record = value as Record<string, unknown>;
    return first(Object.entries<Check>(fields).map(([name, check]) => [record[name], check, `${path}.${name}`]));
  };
}

const numbersByName: Check = (value, path) =>
  typeof value === 'object' && value !== null
    ? first(Object.entries(value).map(([name, item]) => [item, number, `${path}.${name}`]))
    : expected('an object', () => false)(value, path);

function first(checks: [value: unknown, check: Check, path: string][]): string | undefined {
  for (const [value, check, path] of checks) {
    const wrong = check(value, path);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

type Item<T> = T extends readonly (infer I)[] ? I : never;
type Model = NonNullable<BenchResults['model']>;
type Step = NonNullable<Model['step']>;
type Scout = NonNullable<BenchResults['scout']>;
type TrueSize = NonNullable<BenchResults['trueSize']>;
type Curves = NonNullable<BenchResults['curves']>;
type Curve = Item<Curves['decode']>;

const work = { seconds: positive, bytes: number, flops: number };

const op = { ...work, label: text, kernel: text, dispatches: number, share: number };

const model = object<Model>({
  name: text,
  parameters: object<Model['parameters']>({ total: number, active: number }),
  weightBytes: number,
  prefill: list(object<Item<Model['prefill']>>({ tokens: positive, seconds: positive, flops: number })),
  decode: list(object<Item<Model['decode']>>({ ...work, context: number, dispatches: number, share: number })),
  step: optional(
    object<Step>({
      context: number,
      ops: list(object<Item<Step['ops']>>(op)),
      sumSeconds: positive,
      stepSeconds: positive,
      timedBy: oneOf('timestamp-query', 'clock'),
    }),
  ),
  answer: optional(
    object<NonNullable<Model['answer']>>({
      tokens: number,
      firstTokenSeconds: number,
      tokensPerSecond: positive,
      medianFrameSeconds: number,
      longestFrameSeconds: number,
    }),
  ),
  correct: optional(flag),
});

const curves = list(
  object<Curve>({
    name: text,
    points: list(object<Item<Curve['points']>>({ position: number, seconds: number })),
    fit: object<Curve['fit']>({ start: number, slope: number }),
  }),
);

const results = object<BenchResults>({
  version: number,
  date: expected('a date', (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value))),
  outrider: text,
  userAgent: text,
  adapter: object<BenchResults['adapter']>({
    vendor: text,
    architecture: text,
    device: text,
    description: text,
    software: flag,
    f16: flag,
    subgroups: flag,
    subgroupMinSize: number,
    subgroupMaxSize: number,
    maxBufferSize: number,
    maxStorageBufferBindingSize: number,
  }),
  limits: numbersByName,
  variants: object<BenchResults['variants']>({
    matvec: optional(text),
    matmul: optional(text),
    attention: optional(text),
  }),
  warnings: list(text),
  roofline: object<BenchResults['roofline']>({
    readRate: positive,
    readBytes: number,
    flopRate: positive,
    dispatchSeconds: number,
    roundTripSeconds: number,
  }),
  kernels: list(
    object<Item<BenchResults['kernels']>>({
      ...work,
      kernel: text,
      case: text,
      variant: text,
      share: number,
      error: numberOrNull,
      bound: number,
      correct: flag,
    }),
  ),
  model: optional(model),
  scout: optional(
    object<Scout>({
      fits: oneOf('yes', 'no', 'unknown'),
      decode: list(object<Item<Scout['decode']>>({ context: number, tokensPerSecond: positive })),
      prefillTokensPerSecond: number,
      formula: list(text),
    }),
  ),
  trueSize: optional(
    object<TrueSize>({
      context: number,
      weightBytes: number,
      ops: list(object<Item<TrueSize['ops']>>({ ...op, times: number })),
      sumSeconds: positive,
      stepSeconds: positive,
      tokenSeconds: positive,
      tokenBytes: number,
      tokenDispatches: number,
    }),
  ),
  curves: optional(object<Curves>({ model: text, chunk: number, decode: curves, prefill: curves })),
});

/** The results in a text that a person pasted. @throws OutriderError `invalid_request`, which says what is wrong with it */
export function parseResults(pasted: string): BenchResults {
  const trimmed = pasted.trim();
  if (trimmed === '')
    throw refuse('Nothing was pasted.', 'On the other machine, run the benchmark and use “Copy as JSON”.');
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch (error) {
    throw /^[#|]/.test(trimmed)
      ? refuse('This is a result as Markdown.', 'On the other machine, use “Copy as JSON” instead.')
      : refuse('This is not JSON, or not all of it.', 'Copy it again with “Copy as JSON”.', error);
  }
  return checkResults(value);
}

/** `value` as results, if it is. @throws OutriderError `invalid_request`: another version, or what is missing where */
export function checkResults(value: unknown): BenchResults {
  const version = (value as { version?: unknown } | null)?.version;
  if (typeof version !== 'number') {
    throw refuse(
      'This is JSON, but not a result of this benchmark.',
      'Use “Copy as JSON” on the page that has the result.',
    );
  }
  if (version !== RESULTS_VERSION) {
    throw refuse(
      `This result has version ${version}, and this page compares version ${RESULTS_VERSION}.`,
      `Run the benchmark there again with ${version < RESULTS_VERSION ? 'a newer' : 'the same'} Outrider.`,
    );
  }
  const wrong = results(value, 'result');
  if (wrong !== undefined) throw refuse(`This result is damaged: ${wrong}.`, 'Copy it again with “Copy as JSON”.');
  return value as BenchResults;
}

function refuse(found: string, next: string, cause?: unknown): OutriderError {
  return new OutriderError('invalid_request', `${found} ${next}`, { cause });
}
