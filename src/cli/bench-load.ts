/**
 * `outrider bench-load`: how fast a model of many gigabytes loads on this machine, in Chromium and in Node, each stage of
 * loading alone and all together. The model is a ghost on another origin; its weights go into GPU buffers that are recycled.
 */
import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { OutriderError } from '../errors.ts';
import { NODE_ADAPTERS, type NodeAdapter } from '../gpu/node.ts';
import { PAGE, runInChromium } from './bench-load/chromium.ts';
import { type GhostShape, listFiles, shapeOf, specOf, startGhost } from './bench-load/ghost.ts';
import { runInNode } from './bench-load/node.ts';
import { PageCache } from './bench-load/page-cache.ts';
import { formatResults, formatTargets, judge, THROTTLE } from './bench-load/report.ts';
import { answerAsThread, startThreads } from './bench-load/threads.ts';
import {
  PLACES,
  type Place,
  STAGE_FACTS,
  STAGES,
  type Stage,
  type StageRequest,
  type StageResult,
} from './bench-load/types.ts';
import { findCheckout, type SourceServer, serveSources } from './browser/checkout.ts';
import { findChromium } from './browser/chromium.ts';

const OPTIONS = {
  gb: { type: 'string', default: '20' },
  where: { type: 'string', default: 'both' },
  stage: { type: 'string', default: 'every' },
  adapter: { type: 'string', default: 'default' },
  json: { type: 'boolean', default: false },
  request: { type: 'string' },
  'ghost-pid': { type: 'string' },
  thread: { type: 'boolean', default: false },
} as const;

const USAGE = `Usage: outrider bench-load [options]
  --gb N           gigabytes of weights, rounded up to whole layers; default 20, at most all of Scout
  --where PLACE    ${PLACES.join(', ')}, both (default)
  --stage STAGES   some of ${STAGES.join(',')}; default every
  --adapter A      for Node: ${NODE_ADAPTERS.join(', ')}; for Chromium the environment's OUTRIDER_BROWSER_ADAPTER,
                   default swiftshader
  --json           results as JSON
  --request JSON   one stage in this process, with --ghost-pid: what the command starts itself for Node
  --thread         one thread of such a stage: what that starts itself`;

/** Left free when models are stored. */
const SPARE_DISK_BYTES = 4e9;

interface Command {
  readonly bytes: number;
  readonly places: readonly Place[];
  readonly stages: readonly Stage[];
  readonly adapter: NodeAdapter;
  readonly json: boolean;
}

/** Results go to stdout, progress to stderr. Exit code 1 where a target was missed. */
export async function main(argv: readonly string[]): Promise<number> {
  const values = parse(argv);
  if (values.thread) {
    answerAsThread();
    return 0;
  }
  if (values.request !== undefined) {
    const options = {
      gpu: { adapter: adapterOf(values) },
      ghostPid: Number(values['ghost-pid']),
      startThread: startThreads(process.argv[1]!),
    };
    console.log(JSON.stringify(await runInNode(JSON.parse(values.request) as StageRequest, options)));
    process.exit(0); // before Dawn's instance can be collected
  }
  const command = commandOf(values);
  const results = await new Bench(findCheckout(), command).run();
  const targets = judge(results);
  if (command.json) console.log(JSON.stringify({ results, targets }, null, 2));
  else console.log(`\n${formatResults(results)}\n\n${formatTargets(targets)}`);
  return targets.some(({ isMet }) => isMet === false) ? 1 : 0;
}

/** The stages one after the other, each in fresh processes. */
class Bench {
  readonly #root: string;
  readonly #command: Command;
  readonly #listings = new Map<number, StageRequest['files']>();
  readonly #pageCache = new PageCache();
  #page: SourceServer | undefined;

  constructor(root: string, command: Command) {
    this.#root = root;
    this.#command = command;
  }

  async run(): Promise<StageResult[]> {
    const results: StageResult[] = [];
    try {
      for (const place of this.#command.places) {
        for (const stage of this.#command.stages) {
          if (place === 'node' && STAGE_FACTS[stage].browserOnly) continue;
          console.error(`${place}: ${STAGE_FACTS[stage].what} …`);
          results.push(await this.#runStage(place, stage));
          console.error(formatResults(results.slice(-1)).split('\n')[1]);
        }
      }
      return results;
    } finally {
      await this.#page?.close();
      await this.#pageCache.remove();
    }
  }

  async #runStage(place: Place, stage: Stage): Promise<StageResult> {
    const stored = place === 'chromium' && STAGE_FACTS[stage].cached;
    const filled = await this.#pageCache.fill(SPARE_DISK_BYTES + (stored ? this.#command.bytes : 0));
    if (filled > 0) console.error(`  (${(filled / 1e9).toFixed(1)} GB written first, so that the page cache is full)`);
    const shape = shapeOf(stored ? await this.#bytesForDisk() : this.#command.bytes);
    const files = this.#listing(shape);
    const script = join(this.#root, 'dist/cli/outrider.js');
    const ghost = await startGhost(script, shape, stage === 'throttled' ? THROTTLE : undefined);
    try {
      const request = { stage, url: ghost.url, files };
      if (place === 'node') return await this.#runNode(script, request, ghost.pid);
      this.#page ??= await serveSources(this.#root, 'bench-load');
      const adapter = process.env.OUTRIDER_BROWSER_ADAPTER ?? 'swiftshader';
      const pageUrl = new URL(PAGE, this.#page.origin).href;
      const page = { executable: findChromium('use --where node'), adapter, pageUrl, ghostPid: ghost.pid };
      return await runInChromium(request, page);
    } finally {
      await ghost.close();
    }
  }

  /** In a process of its own, so that its memory is its own. */
  async #runNode(script: string, request: StageRequest, ghostPid: number): Promise<StageResult> {
    const options = ['--adapter', this.#command.adapter, '--ghost-pid', `${ghostPid}`];
    const args = [script, 'bench-load', '--request', JSON.stringify(request), ...options];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return JSON.parse(stdout.trim().split('\n').at(-1)!) as StageResult;
  }

  #listing(shape: GhostShape): StageRequest['files'] {
    const known = this.#listings.get(shape.layers);
    if (known) return known;
    const spec = specOf(shape);
    console.error(`${(spec.weightFileBytes / 1e9).toFixed(2)} GB: ${shape.layers} layers of Scout; hashing them …`);
    const files = listFiles(spec);
    this.#listings.set(shape.layers, files);
    return files;
  }

  /** What is asked for, or what there is room for on the disk that profiles lie on. */
  async #bytesForDisk(): Promise<number> {
    const { bavail, bsize } = await statfs(tmpdir());
    const free = bavail * bsize - SPARE_DISK_BYTES;
    if (free >= this.#command.bytes) return this.#command.bytes;
    console.error(`${tmpdir()} has room for ${(free / 1e9).toFixed(1)} GB: a smaller model is stored.`);
    return free;
  }
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS }).values;
  } catch (cause) {
    throw new OutriderError('invalid_request', `${(cause as Error).message}\n${USAGE}`, { cause });
  }
}

type Values = ReturnType<typeof parse>;

function commandOf(values: Values): Command {
  const gb = Number(values.gb);
  if (!(gb > 0)) throw invalid('gb', values.gb, ['a number above 0']);
  const places = values.where === 'both' ? PLACES : [choose('where', values.where, PLACES)];
  const stages = values.stage === 'every' ? STAGES : values.stage.split(',').map((one) => choose('stage', one, STAGES));
  return { bytes: gb * 1e9, places, stages, adapter: adapterOf(values), json: values.json };
}

const adapterOf = (values: Values): NodeAdapter => choose('adapter', values.adapter, NODE_ADAPTERS);

function choose<T extends string>(option: string, value: string, choices: readonly T[]): T {
  const found = choices.find((one) => one === value);
  if (found === undefined) throw invalid(option, value, choices);
  return found;
}

function invalid(option: string, value: string, choices: readonly string[]): OutriderError {
  return new OutriderError('invalid_request', `--${option} is "${value}"; it can be ${choices.join(', ')}.\n${USAGE}`);
}
