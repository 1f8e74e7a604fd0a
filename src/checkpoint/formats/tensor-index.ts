/** The text model's tensors by name, and views of those that belong to one module. Remembers which were asked for. */
import { OutriderError } from '../../errors.ts';
import { indexByTextName } from '../names.ts';
import { type Dtype, partOf, type Tensor } from '../tensor.ts';

export class TensorIndex {
  readonly #tensors: ReadonlyMap<string, Tensor>;
  readonly #used = new Set<string>();

  constructor(tensors: Iterable<Tensor>) {
    this.#tensors = indexByTextName(tensors);
  }

  get size(): number {
    return this.#tensors.size;
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  get(name: string): Tensor | undefined {
    const tensor = this.#tensors.get(name);
    if (tensor !== undefined) this.#used.add(name);
    return tensor;
  }

  /** Names, without prefix, of the tensors that nobody has asked for. */
  unused(): string[] {
    return [...this.#tensors.keys()].filter((name) => !this.#used.has(name));
  }

  /** Throws `tensor_missing`. */
  require(name: string): Tensor {
    const tensor = this.get(name);
    if (tensor === undefined) throw this.missing(name);
    return tensor;
  }

  missing(name: string): OutriderError {
    return new OutriderError(
      'tensor_missing',
      `The checkpoint has no tensor whose name ends in "${name}" (of ${this.size} in the text model). ` +
        'Check that all shards are there and that config.json belongs to them.',
      { details: { tensor: name, tensors: this.size } },
    );
  }
}

/** The tensors of one Linear layer, or of one of a stack of them. */
export class Stored {
  readonly index: TensorIndex;
  /** Name without prefix and without `.weight`. */
  readonly module: string;
  /** Which matrix of a stack of how many; undefined: the tensors are one matrix's own. */
  readonly part: { readonly index: number; readonly count: number } | undefined;

  constructor(index: TensorIndex, module: string, part?: Stored['part']) {
    this.index = index;
    this.module = module;
    this.part = part;
  }

  has(suffix: string): boolean {
    return this.index.has(`${this.module}.${suffix}`);
  }

  /** The tensor as it lies in the file, even where it is a stack. */
  whole(suffix: string): Tensor | undefined {
    return this.index.get(`${this.module}.${suffix}`);
  }

  /** This matrix's share: of a stack [count, ...] one element. */
  get(suffix: string): Tensor | undefined {
    const tensor = this.whole(suffix);
    if (tensor === undefined || this.part === undefined) return tensor;
    if (tensor.shape[0] !== this.part.count) throw mismatch(tensor, [this.part.count, ...tensor.shape.slice(1)]);
    return partOf(tensor, this.part.index);
  }

  /** `get`, or throws `tensor_missing`. */
  require(suffix: string): Tensor {
    return this.get(suffix) ?? this.index.require(`${this.module}.${suffix}`);
  }

  /** `whole`, or throws `tensor_missing`. */
  requireWhole(suffix: string): Tensor {
    return this.index.require(`${this.module}.${suffix}`);
  }

  /** Throws `tensor_missing`, or `tensor_mismatch` for another dtype or shape. */
  tensor(suffix: string, dtypes: readonly Dtype[], shape: readonly number[]): Tensor {
    return checked(this.require(suffix), dtypes, shape);
  }
}

export const FLOATS = ['F32', 'F16', 'BF16'] as const;

/** The tensor itself. Throws `tensor_mismatch` for another dtype or shape. */
export function checked(tensor: Tensor, dtypes: readonly Dtype[], shape: readonly number[]): Tensor {
  const { name, dtype } = tensor;
  if (!dtypes.includes(dtype)) {
    throw new OutriderError(
      'tensor_mismatch',
      `"${name}" is ${dtype}, but its format needs ${dtypes.join(' or ')}. Download the file again, or report this checkpoint.`,
      { details: { tensor: name, dtype, expected: dtypes } },
    );
  }
  if (tensor.shape.length === shape.length && tensor.shape.every((size, axis) => size === shape[axis])) return tensor;
  throw mismatch(tensor, shape);
}

/** A tensor of one element, whatever its rank: exporters write [] and [1]. */
export function checkedScalar(tensor: Tensor): Tensor {
  return checked(tensor, ['F32'], tensor.shape.length <= 1 ? tensor.shape.map(() => 1) : []);
}

export function mismatch({ name, shape }: Tensor, expected: readonly number[]): OutriderError {
  return new OutriderError(
    'tensor_mismatch',
    `"${name}" has shape [${shape.join(', ')}], but config.json implies [${expected.join(', ')}]. ` +
      'Config and weights are of different models or versions: download both again.',
    { details: { tensor: name, shape, expected } },
  );
}
