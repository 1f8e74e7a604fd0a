/**
 * A checkpoint without weights: every file of a published Llama 4 folder, its size to the byte, its headers, and for each
 * tensor where its bytes stand. Nothing here is larger than a header; `bytes.ts` makes up the rest when it is asked for.
 */
import type { Dtype } from '../checkpoint/tensor.ts';
import { layOutHeader, tensorBytes } from '../checkpoint/write-header.ts';
import { OutriderError } from '../errors.ts';
import { ghostConfig, ghostGenerationConfig } from './config.ts';
import { checkDims, type GhostDims, MODELS, type ModelName } from './dims.ts';
import {
  bf16Format,
  fp8BlockFormat,
  fp8Format,
  type GhostFormat,
  type Int4Options,
  int4Format,
  metaFp8Format,
  mlx4Format,
  modeloptFormat,
  nvfp4Format,
  storeModule,
} from './formats.ts';
import { listModules } from './modules.ts';
import type { GhostFile, GhostSpec, GhostTensor } from './types.ts';

export interface GhostOptions {
  /** Sizes other than the published ones. */
  readonly dims?: Partial<GhostDims> | undefined;
  /** For the w4a16 ghosts. */
  readonly int4?: Int4Options | undefined;
  /** Default: the exporter's, 5e9 or 5 * 2^30. */
  readonly maxFileBytes?: number | undefined;
}

const FORMATS: Readonly<Record<string, (model: ModelName, options: GhostOptions) => GhostFormat>> = {
  bf16: bf16Format,
  w4a16: (_, { int4 }) => int4Format(int4),
  mlx4: mlx4Format,
  fp8: (model) => (model === 'maverick' ? metaFp8Format() : fp8Format()),
  'fp8-block': fp8BlockFormat,
  nvfp4: nvfp4Format,
  'nvfp4-modelopt': modeloptFormat,
};

/** `scout-bf16`, `scout-w4a16`, ... `maverick-fp8`: Scout is as RedHat, mlx-lm and NVIDIA export it, `maverick-fp8` Meta's own. */
export const GHOST_NAMES: readonly string[] = Object.keys(MODELS).flatMap((model) =>
  Object.keys(FORMATS).map((format) => `${model}-${format}`),
);

/**
 * The ghost of that name.
 * Throws `invalid_request` for an unknown name, or sizes that the format cannot store.
 */
export function ghostSpec(name: string, options: GhostOptions = {}): GhostSpec {
  const [, model, formatName] = /^([a-z]+)-(.+)$/.exec(name) ?? [];
  const makeFormat = FORMATS[formatName ?? ''];
  if (!isModel(model) || !makeFormat) {
    throw new OutriderError('invalid_request', `There is no ghost "${name}"; there are ${GHOST_NAMES.join(', ')}.`, {
      details: { name },
    });
  }
  const format = makeFormat(model, options);
  const asked: GhostDims = { ...MODELS[model], ...options.dims };
  const dims = format.keepsVision ? asked : { ...asked, vision: undefined };
  checkDims(dims);
  const { tensors, ignored } = storeModel(dims, format);
  const shards = splitFiles(tensors, options.maxFileBytes ?? format.maxFileBytes);
  const weights = layOutShards(shards, format);
  const total = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
  const texts = Object.entries({
    'config.json': ghostConfig(dims, format, ignored),
    'generation_config.json': ghostGenerationConfig(),
    ...format.companions?.(ignored),
    ...(weights.length > 1 || format.producer === 'mlx' ? { [INDEX]: indexOf(weights, total) } : {}),
  }).map(([path, json]) => textFile(path, `${JSON.stringify(json, null, format.producer === 'mlx' ? 4 : 2)}\n`));
  return {
    name,
    dims,
    files: new Map([...texts, ...weights].map((file) => [file.path, file])),
    tensorBytes: total,
    weightFileBytes: weights.reduce((sum, { size }) => sum + size, 0),
  };
}

/** The ghost with more files, such as a tokenizer's. A file of the same name is replaced. */
export function withFiles(spec: GhostSpec, files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>): GhostSpec {
  const more = Object.entries(files).map(([path, bytes]) => [path, bytesFile(path, bytes)] as const);
  return { ...spec, files: new Map([...spec.files, ...more]) };
}

/** Every tensor of the ghost, file by file. */
export function ghostTensors({ files }: GhostSpec): GhostTensor[] {
  const segments = [...files.values()].flatMap((file) => file.segments);
  return segments.flatMap(({ content }) => (content instanceof Uint8Array ? [] : [content]));
}

function isModel(name: string | undefined): name is ModelName {
  return name !== undefined && Object.hasOwn(MODELS, name);
}

function storeModel(dims: GhostDims, format: GhostFormat): { tensors: GhostTensor[]; ignored: string[] } {
  const stored = listModules(dims, format.prefix).map((module) => ({ module, ...storeModule(module, format) }));
  const tensors = stored.flatMap((module) => module.tensors);
  for (const tensor of tensors) {
    if (!tensor.shape.every(Number.isSafeInteger)) {
      const shape = JSON.stringify(tensor.shape);
      throw new OutriderError(
        'invalid_request',
        `"${tensor.name}" would have the shape ${shape}. Choose sizes that are whole numbers of the format's groups.`,
        { details: { tensor: tensor.name } },
      );
    }
  }
  return { tensors, ignored: stored.filter(({ ignored }) => ignored).map(({ module }) => module.name) };
}

/** Tensors in order up to the limit; one that is larger gets a file of its own while the file in hand stays open. */
function splitFiles(tensors: readonly GhostTensor[], limit: number): GhostTensor[][] {
  const files: GhostTensor[][] = [];
  let open: GhostTensor[] = [];
  let bytes = 0;
  for (const tensor of tensors) {
    const more = tensorBytes(tensor);
    if (more > limit) {
      files.push([tensor]);
      continue;
    }
    if (bytes + more > limit) {
      files.push(open);
      open = [];
      bytes = 0;
    }
    open.push(tensor);
    bytes += more;
  }
  return open.length > 0 ? [...files, open] : files;
}

function layOutShards(shards: readonly GhostTensor[][], { producer }: GhostFormat): GhostFile[] {
  const digits = (n: number): string => String(n).padStart(5, '0');
  return shards.map((shard, i) => {
    const number = `-${digits(i + 1)}-of-${digits(shards.length)}`;
    return weightFile(`model${shards.length > 1 ? number : ''}.safetensors`, shard, producer);
  });
}

/** The safetensors library's order: by dtype, from the last of this list to the first, then by name. */
const DTYPE_ORDER: readonly Dtype[] = ['U8', 'F8_E4M3', 'BF16', 'I32', 'U32', 'F32', 'I64'];

function weightFile(path: string, tensors: readonly GhostTensor[], producer: string): GhostFile {
  const rank = ({ dtype }: GhostTensor): number => DTYPE_ORDER.indexOf(dtype);
  const ordered = [...tensors].sort((a, b) => rank(b) - rank(a) || (a.name < b.name ? -1 : 1));
  const { bytes, ranges, fileSize } = layOutHeader(ordered, { format: producer });
  const placed = ordered.map((tensor) => ({ ...ranges.get(tensor.name)!, content: tensor }));
  return { path, size: fileSize, segments: [{ start: 0, end: bytes.length, content: bytes }, ...placed] };
}

const INDEX = 'model.safetensors.index.json';

function indexOf(weights: readonly GhostFile[], total: number): unknown {
  const places = weights.flatMap(({ path, segments }) =>
    segments.flatMap(({ content }) => (content instanceof Uint8Array ? [] : [[content.name, path] as const])),
  );
  places.sort(([a], [b]) => (a < b ? -1 : 1));
  return { metadata: { total_size: total }, weight_map: Object.fromEntries(places) };
}

function textFile(path: string, text: string): GhostFile {
  return bytesFile(path, new TextEncoder().encode(text));
}

function bytesFile(path: string, bytes: Uint8Array<ArrayBuffer>): GhostFile {
  return { path, size: bytes.length, segments: [{ start: 0, end: bytes.length, content: bytes }] };
}
