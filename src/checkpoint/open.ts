/** A checkpoint = `config.json` and one or more safetensors files. Reads their heads, never their tensors. */
import { OutriderError } from '../errors.ts';
import type { ModelSource, ReadOptions } from '../storage/source.ts';
import { readText } from '../storage/source.ts';
import { headerLength, PREFIX_BYTES, parseHeader } from './header.ts';
import { isObject, parseJson } from './json.ts';
import { isVisionTensor } from './names.ts';
import type { Tensor } from './tensor.ts';

export interface Checkpoint {
  /** `config.json` as it is. */
  readonly configJson: unknown;
  /** By the name in the file. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly source: ModelSource;
}

const INDEX = 'model.safetensors.index.json';
const SINGLE = 'model.safetensors';
const MAX_CONFIG_BYTES = 4 << 20;
/** An index line is about 100 bytes, so this is over half a million tensors. */
const MAX_INDEX_BYTES = 64 << 20;
/** Without an index. Holds the whole head of most small models, so that one request is enough; a miss costs one more. */
const FIRST_READ_BYTES = 64 << 10;
/** Of a header's entry beside the tensor's name: a dtype, a shape and two offsets of eleven digits have 90 characters. */
const ENTRY_BYTES = 96;
/** The prefix, a short `__metadata__`, and the padding. */
const REST_BYTES = 512;
/** Heads that are requested at the same time: browsers allow six connections per host. */
const PARALLEL_HEADS = 6;

export interface OpenOptions extends ReadOptions {
  /** Leave out shards that by their index hold nothing but vision tensors: a cache does not have them. */
  readonly textOnly?: boolean | undefined;
}

/**
 * Reads `config.json`, the shard index if there is one, and every shard's head.
 * Throws `model_not_found` without config or weights, `checkpoint_invalid` for a head or an index that breaks the
 * format or contradict each other, and what the source throws.
 */
export async function openCheckpoint(source: ModelSource, options: OpenOptions = {}): Promise<Checkpoint> {
  const configJson = await readConfig(source, options);
  const index = await readText(source, INDEX, MAX_INDEX_BYTES, options);
  if (index === undefined) {
    const found = await readHead(source, SINGLE, options);
    if (found === undefined) {
      throw new OutriderError(
        'model_not_found',
        `${source.label} has neither ${SINGLE} nor ${INDEX}. Only safetensors weights are read: ` +
          'check the address, or convert the model.',
        { details: { source: source.label } },
      );
    }
    return { configJson, source, tensors: new Map(found.map((tensor) => [tensor.name, tensor])) };
  }
  const shards = [...parseIndex(index)].filter(([, names]) => !options.textOnly || ![...names].every(isVisionTensor));
  return { configJson, source, tensors: await readShards(source, new Map(shards), options) };
}

async function readConfig(source: ModelSource, options: ReadOptions): Promise<unknown> {
  const text = await readText(source, 'config.json', MAX_CONFIG_BYTES, options);
  if (text === undefined || text.trimStart().startsWith('<')) {
    const what = text === undefined ? 'has no config.json' : 'has a web page where config.json should be';
    throw new OutriderError('model_not_found', `${source.label} ${what}. Check the address of the model's folder.`, {
      details: { source: source.label },
    });
  }
  return parseJson(text, 'config.json');
}

/** Shard file -> names that the index puts there. */
function parseIndex(text: string): Map<string, Set<string>> {
  const index = parseJson(text, INDEX);
  const map = isObject(index) ? index.weight_map : undefined;
  if (!isObject(map) || Object.keys(map).length === 0) throw badIndex('has no "weight_map", or an empty one');
  const shards = new Map<string, Set<string>>();
  for (const [name, file] of Object.entries(map)) {
    // A name with a slash could reach outside the folder.
    if (typeof file !== 'string' || !/^[\w.-]+\.safetensors$/.test(file)) {
      throw badIndex(`puts "${name}" into ${JSON.stringify(file)}, which is not a safetensors file of this folder`);
    }
    const names = shards.get(file) ?? new Set();
    shards.set(file, names.add(name));
  }
  return shards;
}

async function readShards(
  source: ModelSource,
  shards: Map<string, Set<string>>,
  options: ReadOptions,
): Promise<Map<string, Tensor>> {
  const files = [...shards.keys()].sort();
  const heads = new Map<string, Tensor[] | undefined>();
  const queue = files.values(); // shared: each worker takes the next file when it is done with its last
  const work = async (): Promise<void> => {
    for (const file of queue) heads.set(file, await readHead(source, file, options, expectedHead(shards.get(file)!)));
  };
  await Promise.all(Array.from({ length: PARALLEL_HEADS }, work));
  const tensors = new Map<string, Tensor>();
  for (const file of files) addShard(tensors, file, heads.get(file), shards.get(file)!);
  return tensors;
}

/** About how many bytes a file's head has, from the names in it: enough for nearly all, so that one request reads it. */
function expectedHead(names: ReadonlySet<string>): number {
  let bytes = REST_BYTES;
  for (const name of names) bytes += name.length + ENTRY_BYTES;
  return bytes;
}

function addShard(tensors: Map<string, Tensor>, file: string, head: Tensor[] | undefined, promised: Set<string>): void {
  if (head === undefined) {
    throw new OutriderError('model_not_found', `${INDEX} names ${file}, which is not there. Download it too.`, {
      details: { file },
    });
  }
  for (const tensor of head) {
    if (!promised.delete(tensor.name)) throw badIndex(`does not put "${tensor.name}" into ${file}, but it is there`);
    tensors.set(tensor.name, tensor);
  }
  for (const name of promised) throw badIndex(`puts "${name}" into ${file}, but it is not there`);
}

/** The tensors of one file; undefined where there is no such file. */
async function readHead(
  source: ModelSource,
  file: string,
  options: ReadOptions,
  firstRead = FIRST_READ_BYTES,
): Promise<Tensor[] | undefined> {
  const fileSize = (await source.stat(file, options))?.size;
  if (fileSize === undefined) return undefined;
  let bytes: Uint8Array = await source.read(file, 0, Math.min(fileSize, firstRead), options);
  const needed = PREFIX_BYTES + headerLength(bytes, { file, fileSize });
  if (needed > bytes.length) {
    const head = new Uint8Array(needed);
    head.set(bytes);
    head.set(await source.read(file, bytes.length, needed, options), bytes.length);
    bytes = head;
  }
  return parseHeader(bytes, { file, fileSize });
}

function badIndex(what: string): OutriderError {
  const message = `${INDEX} ${what}. Index and shards are of different versions: download all of them again.`;
  return new OutriderError('checkpoint_invalid', message, { details: { file: INDEX } });
}
