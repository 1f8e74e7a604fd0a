/** `outrider ghost NAME`: serves a full-size Llama 4 checkpoint that is on no disk, for trying out what loads one. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { OutriderError } from '../errors.ts';
import { type GhostDims, TINY } from '../ghost/dims.ts';
import { seededFaults } from '../ghost/faults.ts';
import { type GhostServerOptions, serveGhost } from '../ghost/server.ts';
import { GHOST_NAMES, ghostSpec, withFiles } from '../ghost/spec.ts';
import type { GhostSpec } from '../ghost/types.ts';

const OPTIONS = {
  port: { type: 'string' },
  throttle: { type: 'string' },
  tiny: { type: 'boolean' },
  layers: { type: 'string' },
  experts: { type: 'string' },
  hidden: { type: 'string' },
  intermediate: { type: 'string' },
  vocab: { type: 'string' },
  'text-only': { type: 'boolean' },
  tokenizer: { type: 'string' },
  cors: { type: 'string' },
  etag: { type: 'string' },
  'no-last-modified': { type: 'boolean' },
  'no-ranges': { type: 'boolean' },
  compress: { type: 'boolean' },
  token: { type: 'string' },
  redirect: { type: 'string' },
  faults: { type: 'string' },
} as const;

const USAGE = `Usage: outrider ghost NAME [options]
  NAME                   ${GHOST_NAMES.join(', ')}
  --port P               default: any free one
  --throttle RATE        bytes per second of all connections together: 125MB, 800KB, 5000
  --tiny                 a model of about a megabyte; --layers, --experts, --hidden, --intermediate and --vocab set
                         single sizes, --text-only leaves out the vision part
  --tokenizer FOLDER     serve the tokenizer, template and licence of this model folder too
  --cors WHO             open (default), hidden (headers are), none
  --etag KIND            strong (default), weak, none; --no-last-modified leaves that out too
  --no-ranges            answer every request with the whole file
  --compress             gzip for JSON
  --token TOKEN          only for who sends it
  --redirect SECONDS     weights come from a second origin, under signed addresses that work for so long
  --faults SEED[:SHARE]  break this share (default 0.05) of the requests for weights`;

/** Serves until it is interrupted, then prints what was asked for. Exit code 1 for wrong arguments. */
export async function main(argv: readonly string[]): Promise<number> {
  const options = await parse(argv);
  if (options === undefined) {
    console.error(USAGE);
    return 1;
  }
  const server = await serveGhost(options);
  const { files, weightFileBytes } = options.spec;
  console.error(`${(weightFileBytes / 1e9).toFixed(2)} GB of weights in ${files.size} files`);
  console.log(server.url);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  for (const { requests, bytes } of [server.counters, ...(server.storage ? [server.storage.counters] : [])]) {
    console.error(`${requests} requests, ${(bytes / 1e9).toFixed(3)} GB sent`);
  }
  await server.close();
  return 0;
}

async function parse(argv: readonly string[]): Promise<GhostServerOptions | undefined> {
  let parsed: ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch {
    return undefined;
  }
  const { values, positionals } = parsed;
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0) return undefined;
  const dims: Partial<GhostDims> = {
    ...(values.tiny ? TINY : {}),
    ...numbers({
      layers: values.layers,
      experts: values.experts,
      hidden: values.hidden,
      intermediate: values.intermediate,
      vocab: values.vocab,
    }),
    ...(values['text-only'] ? { vision: undefined } : {}),
  };
  const spec = ghostSpec(name, { dims });
  const [seed, share = '0.05'] = values.faults?.split(':') ?? [];
  const seconds = values.redirect === undefined ? undefined : Number(values.redirect);
  return {
    spec: values.tokenizer === undefined ? spec : await withCompanions(spec, values.tokenizer),
    port: values.port === undefined ? undefined : Number(values.port),
    throttleBytesPerSecond: values.throttle === undefined ? undefined : parseRate(values.throttle),
    cors: choice('cors', values.cors, ['open', 'hidden', 'none']),
    etag: choice('etag', values.etag, ['strong', 'weak', 'none']),
    lastModified: !values['no-last-modified'],
    ranges: !values['no-ranges'],
    compress: values.compress,
    token: values.token,
    redirect: seconds === undefined ? undefined : { expiresAfterMilliseconds: seconds * 1000 },
    faults: seed === undefined ? undefined : seededFaults({ seed: Number(seed), share: Number(share) }),
  };
}

/** What a loader reads beside config and weights. */
const COMPANIONS = /^(tokenizer.*|special_tokens_map\.json|chat_template\..*|licen[cs]e.*)$/i;

async function withCompanions(spec: GhostSpec, folder: string): Promise<GhostSpec> {
  const names = (await readdir(folder)).filter((name) => COMPANIONS.test(name));
  const read = async (name: string) => [name, new Uint8Array(await readFile(join(folder, name)))] as const;
  return withFiles(spec, Object.fromEntries(await Promise.all(names.map(read))));
}

function numbers(values: Readonly<Record<string, string | undefined>>): Record<string, number> {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, Number(value)]));
}

function parseRate(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*(KB|MB|GB)?$/i.exec(text) ?? [];
  const rate = Number(digits) * { '': 1, KB: 1e3, MB: 1e6, GB: 1e9 }[unit.toUpperCase()]!;
  if (rate > 0) return rate;
  throw invalid(`"${text}" is no rate. Write it as bytes per second: 125MB, 800KB, 5000.`);
}

function choice<T extends string>(option: string, value: string | undefined, choices: readonly T[]): T | undefined {
  if (value === undefined) return undefined;
  const found = choices.find((one) => one === value);
  if (found === undefined) throw invalid(`--${option} is "${value}"; it can be ${choices.join(', ')}.`);
  return found;
}

function invalid(message: string): OutriderError {
  return new OutriderError('invalid_request', message);
}
