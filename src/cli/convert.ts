/** `outrider convert IN OUT`: a plain checkpoint -> compressed-tensors pack-quantized int4, streamed and resumable. */
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EVERY_FORMAT } from '../checkpoint/formats/every.ts';
import { type Checkpoint, openCheckpoint } from '../checkpoint/open.ts';
import { parseQuantization } from '../checkpoint/quantization.ts';
import { assignRoles } from '../checkpoint/roles.ts';
import { tensorBytes } from '../checkpoint/write-header.ts';
import { OutriderError } from '../errors.ts';
import { parseConfig } from '../model/config.ts';
import { createNodeSource } from '../storage/node.ts';
import { readText, throwIfAborted } from '../storage/source.ts';
import { OutputFolder } from './convert/output-folder.ts';
import { type Plan, planConversion, type Unit } from './convert/plan.ts';
import { declareQuantization, parseRecipe, type Recipe } from './convert/recipe.ts';
import { writeUnit } from './convert/write-unit.ts';

export interface ConvertOptions {
  /** Folder of the checkpoint: F32, F16 or BF16. */
  readonly input: string;
  /** Folder to write; absent, empty, or left by an interrupted run of the same conversion. */
  readonly output: string;
  /** 32, 64 or 128 (default) weights share a scale. */
  readonly groupSize?: number | undefined;
  /** Modules to keep as they are; default: attention, head, router and everything for images. */
  readonly ignore?: readonly string[] | undefined;
  /** Bytes written so far, those of an earlier run included, and of how many. */
  readonly onProgress?: ((progress: { written: number; total: number; name: string }) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes; default 5e9. A larger tensor gets a file of its own. */
  readonly maxShardBytes?: number | undefined;
}

export interface Converted {
  /** `complete`: an earlier run had finished, and nothing was done. */
  readonly outcome: 'converted' | 'complete';
  /** Bytes of the weight files. */
  readonly bytes: number;
  /** Ignore patterns that no module matched. */
  readonly unmatched: readonly string[];
}

/**
 * Throws `output_exists` before anything is written where the output folder holds something else, and what reading the
 * checkpoint throws. After an abort or a crash the same call goes on where the last one stopped.
 */
export async function convert(options: ConvertOptions): Promise<Converted> {
  const { input, output, signal } = options;
  const recipe = parseRecipe(options);
  const source = await createNodeSource(input);
  const checkpoint = await openCheckpoint(source, { signal });
  checkInput(checkpoint);
  const key = await conversionKey(checkpoint, recipe);
  const plan = planConversion(checkpoint.tensors, recipe, { format: 'pt', conversion: key }, options.maxShardBytes);
  const written = (await readText(source, 'config.json', 4 << 20, { signal }))!;
  const configText = declareQuantization(written, recipe.groupSize, plan.ignore);
  const folder = new OutputFolder(output, key, plan.shards);
  const state = await folder.state(configText);
  if (state !== 'done') {
    try {
      await folder.begin();
      await writeWeights(plan, folder, checkpoint, recipe, options);
      await copyCompanions(input, output);
      await folder.finish(configText);
    } finally {
      await folder.close();
    }
  }
  return {
    outcome: state === 'done' ? 'complete' : 'converted',
    bytes: plan.shards.reduce((sum, { layout }) => sum + layout.fileSize, 0),
    unmatched: plan.unmatched,
  };
}

/** A checkpoint that could not be loaded is not worth hours of converting. */
function checkInput({ configJson, tensors }: Checkpoint): void {
  if (parseQuantization(configJson) !== undefined) {
    throw new OutriderError(
      'quantization_unsupported',
      'The input is quantized already. Convert the original weights: quantizing twice loses twice.',
    );
  }
  assignRoles(parseConfig(configJson).config, tensors, undefined, EVERY_FORMAT);
}

/** Enough of each tensor to tell two fine-tunes of one model apart without reading them. */
const SAMPLE_BYTES = 256;

/** Same input and recipe, same key. */
async function conversionKey({ source, tensors }: Checkpoint, recipe: Recipe): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify({ version: 1, ...recipe }));
  for (const { name, dtype, shape, file, start, end } of tensors.values()) {
    hash.update(JSON.stringify([name, dtype, shape]));
    hash.update(await source.read(file, start, Math.min(end, start + SAMPLE_BYTES)));
  }
  return hash.digest('hex');
}

async function writeWeights(
  { units }: Plan,
  folder: OutputFolder,
  { source }: Checkpoint,
  { groupSize }: Recipe,
  { signal, onProgress }: ConvertOptions,
): Promise<void> {
  const bytesOf = ({ outputs }: Unit): number => outputs.reduce((sum, output) => sum + tensorBytes(output), 0);
  const total = units.reduce((sum, unit) => sum + bytesOf(unit), 0);
  let written = 0;
  for (const unit of units) {
    throwIfAborted(signal);
    if (!folder.isDone(unit.id)) {
      const write = folder.write.bind(folder);
      await writeUnit(unit, { source, write, groupSize, options: { signal } });
      await folder.markDone(unit.id);
    }
    written += bytesOf(unit);
    onProgress?.({ written, total, name: unit.id });
  }
}

/** What a model folder holds beside weights and config: tokenizer, template, defaults, licence, card. */
const COMPANIONS =
  /^(tokenizer.*|special_tokens_map\.json|added_tokens\.json|vocab\.json|merges\.txt|chat_template\..*|generation_config\.json|(pre)?processor_config\.json|(licen[cs]e|readme|notice|use_policy).*)$/i;

async function copyCompanions(input: string, output: string): Promise<void> {
  for (const entry of await readdir(input, { withFileTypes: true })) {
    if (!entry.isDirectory() && COMPANIONS.test(entry.name)) {
      // Not copyFile, which would copy a read-only mode that the next run could not write over.
      await writeFile(join(output, entry.name), await readFile(join(input, entry.name)));
    }
  }
}

const USAGE = `Usage: outrider convert IN OUT [--group-size N] [--ignore PATTERN…]
  IN            folder of a Llama 4 checkpoint in bf16, f16 or f32
  OUT           folder to write: compressed-tensors int4, for Outrider, Transformers and vLLM
  --group-size  weights that share a scale: 32, 64 or 128 (default)
  --ignore      layers to keep as they are: "re:" and a regular expression that matches from the start of the
                name, or a part of the name; default: attention, head, router, vision
Run it again after an interruption: it goes on where it stopped.`;

/** Exit code: 0 when the folder is complete, 1 for wrong arguments. Throws what `convert` throws. */
export async function main(argv: readonly string[]): Promise<number> {
  const options = parseArguments(argv);
  if (options === undefined) {
    console.error(USAGE);
    return 1;
  }
  const progress = progressLine();
  const { outcome, bytes, unmatched } = await convert({ ...options, onProgress: progress.update });
  progress.end();
  // The default patterns fit multimodal checkpoints too, so only what was typed can be a mistake.
  for (const pattern of options.ignore ? unmatched : [])
    console.error(`No layer matches the ignore pattern "${pattern}".`);
  const size = `${(bytes / 1e6).toFixed(1)} MB of weights`;
  console.log(
    outcome === 'complete' ? `${options.output} was complete already: ${size}` : `${options.output}: ${size}`,
  );
  return 0;
}

/** Undefined where they make no sense. */
function parseArguments(argv: readonly string[]): ConvertOptions | undefined {
  const folders: string[] = [];
  const ignore: string[] = [];
  let groupSize: number | undefined;
  let isIgnoring = false; // --ignore takes all words up to the next option
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === '--group-size') groupSize = Number(argv[++i]);
    else if (word !== '--ignore' && word.startsWith('--')) return undefined;
    else if (word !== '--ignore') (isIgnoring ? ignore : folders).push(word);
    isIgnoring = word === '--ignore' || (isIgnoring && !word.startsWith('--'));
  }
  const [input, output, ...more] = folders;
  if (input === undefined || output === undefined || more.length > 0) return undefined;
  return { input, output, groupSize, ignore: argv.includes('--ignore') ? ignore : undefined };
}

/** One line on stderr that is rewritten in a terminal, and written at every tenth of the way elsewhere. */
function progressLine(): { update: NonNullable<ConvertOptions['onProgress']>; end: () => void } {
  const started = performance.now();
  const isTerminal = process.stderr.isTTY;
  let tenth = 0;
  let first: number | undefined; // what an earlier run had written says nothing about this one's rate
  return {
    update({ written, total, name }) {
      first ??= written;
      const rate = (written - first) / 1e3 / (performance.now() - started);
      const line = `${((100 * written) / total).toFixed(1).padStart(5)} %  ${rate.toFixed(1)} MB/s  ${name}`;
      if (isTerminal) process.stderr.write(`\r\x1b[2K${line}`);
      else if (Math.floor((10 * written) / total) > tenth) {
        tenth = Math.floor((10 * written) / total);
        process.stderr.write(`${line}\n`);
      }
    },
    end: () => isTerminal && process.stderr.write('\r\x1b[2K'),
  };
}
