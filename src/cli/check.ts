/**
 * `outrider check FOLDER…`: runs each golden folder on this machine's adapter, compares with what is expected of it, and
 * prints one line each; with --all-variants in every way that this adapter has. Lossless ones must agree to 1e-3 everywhere; half-precision ones are held to Transformers' own
 * bf16 figures, with the golden's routes forced.
 */
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { OutriderError } from '../errors.ts';
import { type AdapterFacts, openDevice } from '../gpu/device.ts';
import { NODE_ADAPTERS, type NodeAdapter, openNodeGpu } from '../gpu/node.ts';
import type { Activations } from '../kernels/variants.ts';
import { SourceReader } from '../loader/loader.ts';
import { GpuRunner } from '../model/gpu-runner.ts';
import { loadWeights, type Model } from '../model/model.ts';
import { Probe } from '../model/probe.ts';
import { openSource } from '../storage/open.ts';
import { checkCases, perplexity, readDocuments } from './check-cases.ts';
import { checkTensors, type Report } from './check-tensors.ts';
import { allWays, USUAL, type Way } from './check-ways.ts';
import { type Expected, readExpected } from './expected.ts';

export interface CheckOptions {
  readonly adapter?: NodeAdapter;
  readonly f16?: boolean;
  readonly subgroups?: boolean;
  /** A file with `documents`: lists of ids. */
  readonly perplexity?: string | undefined;
  /** Instead of the folder's own expected.json. */
  readonly expected?: string | undefined;
  /** Default f32, and f16 where the adapter has it. */
  readonly way?: Way | undefined;
}

/** Exit code 0, or 1 if anything missed. */
export async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      adapter: { type: 'string', default: 'default' },
      'no-f16': { type: 'boolean', default: false },
      'no-subgroups': { type: 'boolean', default: false },
      perplexity: { type: 'string' },
      expected: { type: 'string' },
      'all-variants': { type: 'boolean', default: false },
    },
  });
  const adapter = NODE_ADAPTERS.find((name) => name === values.adapter);
  if (!adapter || positionals.length === 0) {
    const what = adapter
      ? 'no folder was given'
      : `--adapter is "${values.adapter}"; it must be one of ${NODE_ADAPTERS.join(', ')}`;
    throw new OutriderError(
      'invalid_request',
      `${what}. Usage: check FOLDER… [--adapter A] [--no-f16] [--no-subgroups] [--perplexity FILE] [--expected FILE] [--all-variants]`,
    );
  }
  const { gpu } = await openNodeGpu({ adapter });
  const options = {
    adapter,
    f16: !values['no-f16'],
    subgroups: !values['no-subgroups'],
    perplexity: values.perplexity,
    expected: values.expected,
  };
  const ways = values['all-variants'] ? allWays(await factsOf(gpu, options)) : [USUAL];
  let missed = 0;
  for (const folder of positionals) {
    for (const way of ways) {
      const { ok, text } = await checkFolder(gpu, folder, { ...options, way });
      console.log(`${ok ? 'ok' : 'MISS'} ${basename(folder)}${way.label && ` (${way.label})`}: ${text}`);
      if (!ok) missed++;
    }
  }
  return missed > 0 ? 1 : 0;
}

async function factsOf(gpu: GPU, options: CheckOptions): Promise<AdapterFacts> {
  const device = await openDevice(gpu, { f16: options.f16, subgroups: options.subgroups });
  device.destroy();
  return device.facts;
}

/** One folder's line. An error is a miss: the other folders still get their turn. */
export async function checkFolder(gpu: GPU, folder: string, options: CheckOptions = {}): Promise<Report> {
  try {
    const expected = await readExpected(folder, options.expected);
    if (!expected && !options.perplexity) {
      throw new OutriderError(
        'model_not_found',
        `${folder} has no expected.json to compare with. Name one with --expected, or documents with --perplexity.`,
      );
    }
    const reports: Report[] = [];
    const { f16 } = await factsOf(gpu, options);
    for (const activations of (options.way ?? USUAL).activations) {
      if (activations === 'f16' && !f16) continue;
      if (activations !== 'f32' && expected?.kind !== 'tensors') {
        reports.push({ ok: true, text: `no figures to gate ${activations} by` });
        continue;
      }
      await withModel(gpu, folder, options, activations, async (model) => {
        if (expected) reports.push(await checkExpected(model, expected, activations));
        if (options.perplexity && activations === 'f32')
          reports.push(await checkPerplexity(model, options.perplexity, expected));
      });
    }
    return { ok: reports.every((report) => report.ok), text: reports.map((report) => report.text).join('; ') };
  } catch (error) {
    if (error instanceof OutriderError) return { ok: false, text: `${error.message} [${error.code}]` };
    throw error;
  }
}

/** Loads the folder on a device of its own, which is destroyed afterwards. */
async function withModel<T>(
  gpu: GPU,
  folder: string,
  options: CheckOptions,
  activations: Activations,
  use: (model: Model) => Promise<T>,
): Promise<T> {
  const reader = new SourceReader(await openSource(folder));
  const { config } = await reader.inspect();
  const device = await openDevice(gpu, {
    f16: options.f16,
    subgroups: options.subgroups && options.way?.subgroups !== false,
  });
  const model = await loadWeights(device, reader, config, { activations, variants: options.way?.variants });
  try {
    return await use(model);
  } finally {
    device.destroy();
  }
}

async function checkExpected(model: Model, expected: Expected, activations: Activations): Promise<Report> {
  const longest =
    expected.kind === 'tensors'
      ? expected.longest
      : Math.max(...expected.cases.map((c) => c.inputIds.length + c.greedyIds.length), expected.long?.ids.length ?? 0);
  const runner = await GpuRunner.create(model, { contextLength: longest });
  const probe = await Probe.create(model, longest);
  return expected.kind === 'tensors'
    ? checkTensors(runner, probe, expected, activations)
    : checkCases(runner, probe, expected);
}

async function checkPerplexity(model: Model, file: string, expected: Expected | undefined): Promise<Report> {
  const { documents, perplexity: stored } = await readDocuments(file);
  const probe = await Probe.create(model, Math.max(...documents.map((ids) => ids.length)));
  const value = await perplexity(probe, documents);
  const wanted = expected?.kind === 'cases' ? expected.perplexity : undefined;
  const ok = wanted === undefined || Math.abs(value / wanted - 1) <= 1e-3;
  const beside =
    wanted === undefined
      ? `${basename(file)} says ${stored?.toFixed(4) ?? 'nothing'}`
      : `expected ${wanted.toFixed(4)}`;
  return { ok, text: `perplexity ${value.toFixed(4)} (${beside})` };
}
