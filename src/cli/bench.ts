/**
 * `outrider bench`: what this machine's adapter can do, what the kernels make of it, and how fast a model is here, in Chromium
 * or in Node; side by side with peers where their folder is given.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { OutriderError } from '../errors.ts';
import { NODE_ADAPTERS } from '../gpu/node.ts';
import { benchInChromium } from './bench/chromium.ts';
import { benchInNode } from './bench/node.ts';
import { formatPeers, runPeers } from './bench/peers.ts';
import type { RunSettings } from './bench/settings.ts';
import { formatResults } from './bench/tables.ts';
import { findCheckout } from './browser/checkout.ts';

const OPTIONS = {
  where: { type: 'string', default: 'chromium' },
  adapter: { type: 'string', default: 'default' },
  quick: { type: 'boolean', default: false },
  curves: { type: 'boolean', default: false },
  'true-size': { type: 'boolean', default: false },
  'no-kernels': { type: 'boolean', default: false },
  'every-variant': { type: 'boolean', default: false },
  matvec: { type: 'string' },
  matmul: { type: 'string' },
  attention: { type: 'string' },
  peers: { type: 'string' },
  rounds: { type: 'string', default: '5' },
  json: { type: 'boolean', default: false },
} as const;

const PLACES = ['chromium', 'node'] as const;
const CHROMIUM_ADAPTERS = ['default', 'swiftshader'] as const;

const USAGE = `Usage: outrider bench [MODEL] [options]
  MODEL            a folder, a URL or hf:owner/name; default the embedded model; "none" for none
  --where PLACE    ${PLACES.join(' (default), ')}
  --adapter A      for Chromium ${CHROMIUM_ADAPTERS.join(', ')}; for Node ${NODE_ADAPTERS.join(', ')}
  --quick          fewer cases, lengths and repeats
  --curves         cost curves of a small model from 0 to 16K tokens; of the rest only what else is asked for
  --true-size      two layers of Scout's own size (5 GB of GPU memory); of the rest only what else is asked for
  --no-kernels     no kernel cases
  --every-variant  kernel cases in every lossless variant
  --matvec NAME, --matmul NAME, --attention NAME
                   these variants
  --peers DIR      this engine and others on the same weights, in turns; DIR is a prepared checkout of the
                   peers, MODEL … some of its models, default s and m
  --rounds N       of --peers, 1 to 99: runs of each measure, of which the median counts; default 5
  --json           results as JSON`;

/** Results go to stdout, progress to stderr. Exit code 1 where a kernel or a model is wrong. */
export async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parse(argv);
  const print = (result: object, text: string) => console.log(values.json ? JSON.stringify(result, null, 2) : text);
  const say = (text: string) => console.error(text);
  if (values.peers !== undefined) {
    const models = positionals.length > 0 ? { models: positionals } : {};
    const peers = await runPeers({ folder: values.peers, rounds: roundsOf(values.rounds), ...models, onProgress: say });
    print(peers, formatPeers(peers));
    return 0;
  }
  const settings = settingsOf(values, positionals[0]);
  const isNode = choose('where', values.where, PLACES) === 'node';
  const results = isNode
    ? await benchInNode(settings, choose('adapter', values.adapter, NODE_ADAPTERS), say)
    : await benchInChromium(settings, choose('adapter', values.adapter, CHROMIUM_ADAPTERS), say);
  print(results, `\n${formatResults(results)}`);
  return results.model?.correct === false || results.kernels.some(({ correct }) => !correct) ? 1 : 0;
}

function roundsOf(text: string): number {
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds >= 1 && rounds <= 99) return rounds;
  throw new OutriderError('invalid_request', `--rounds is ${text}; it must be a whole number from 1 to 99.\n${USAGE}`);
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (cause) {
    throw new OutriderError('invalid_request', `${(cause as Error).message}\n${USAGE}`, { cause });
  }
}

type Values = ReturnType<typeof parse>['values'];

/** With --curves or --true-size, which take their time, a model has to be named and kernel cases are left out. */
function settingsOf(values: Values, model: string | undefined): RunSettings {
  const special = values.curves || values['true-size'];
  const embedded = () => join(findCheckout(), 'public/models/llama-scoutling');
  return {
    quick: values.quick,
    model: model === 'none' ? undefined : (model ?? (special ? undefined : embedded())),
    kernels: !values['no-kernels'] && !special,
    curves: values.curves,
    trueSize: values['true-size'],
    everyVariant: values['every-variant'],
    variants: { matvec: values.matvec, matmul: values.matmul, attention: values.attention },
  };
}

function choose<T extends string>(option: string, value: string, choices: readonly T[]): T {
  const found = choices.find((one) => one === value);
  if (found !== undefined) return found;
  throw new OutriderError('invalid_request', `--${option} is "${value}"; it can be ${choices.join(', ')}.\n${USAGE}`);
}
