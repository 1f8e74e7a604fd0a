/** Linear layers by their module's name, in whatever format they are stored, and what was found on the way. */
import { OutriderError } from '../errors.ts';
import { describe, type Found, type QuantizationConfig, type ReadMatrix } from './formats/facts.ts';
import { checked, FLOATS, Stored, TensorIndex } from './formats/tensor-index.ts';
import type { FeedForwardTensors, Matrix } from './model-tensors.ts';
import type { Tensor } from './tensor.ts';

/** Left over in correct files: what other runtimes compute with, and what repeats the shape. */
const HARMLESS = /(?:weight_shape|input_scale|input_global_scale|output_scale|[kvq]_scale|inv_freq|\.g_idx)$/;

export class MatrixReader {
  readonly index: TensorIndex;
  readonly #read: ReadMatrix;
  readonly #config: QuantizationConfig | undefined;
  /** Format, in words -> weights that are stored so. */
  readonly #weights = new Map<string, number>();
  #quantized = 0;

  constructor(tensors: Iterable<Tensor>, config: QuantizationConfig | undefined, read: ReadMatrix) {
    this.index = new TensorIndex(tensors);
    this.#config = config;
    this.#read = read;
  }

  /** Whether a matrix is stored under this module name, in a format that is read or refused. */
  has(module: string): boolean {
    return ['weight', 'weight_packed', 'qweight'].some((suffix) => this.index.has(`${module}.${suffix}`));
  }

  /** A vector of floats. Throws `tensor_missing` or `tensor_mismatch`. */
  vector(name: string, length: number): Tensor {
    return checked(this.index.require(name), FLOATS, [length]);
  }

  /**
   * The matrix [rows, cols] of a Linear layer or an embedding. Throws `tensor_missing`, `tensor_mismatch` or
   * `quantization_unsupported`.
   * @param module its name without prefix and without `.weight`
   * @param part which of a stack of how many
   */
  matrix(module: string, rows: number, cols: number, part?: Stored['part']): Matrix {
    return this.note(this.#read(new Stored(this.index, module, part), rows, cols, this.#config));
  }

  /** Remembers what a matrix is stored as. */
  note({ matrix, facts }: Found): Matrix {
    const format = describe(facts);
    this.#weights.set(format, (this.#weights.get(format) ?? 0) + matrix.rows * matrix.cols);
    if (matrix.kind !== 'float') this.#quantized++;
    return matrix;
  }

  feedForward(at: string, hidden: number, inter: number): FeedForwardTensors {
    return {
      gateProj: this.matrix(`${at}.gate_proj`, inter, hidden),
      upProj: this.matrix(`${at}.up_proj`, inter, hidden),
      downProj: this.matrix(`${at}.down_proj`, hidden, inter),
    };
  }

  /** The formats of all matrices that were read: most weights first, plain floats last. */
  format(): string {
    const isPlain = (name: string): boolean => /^(?:bf16|f16|f32)$/.test(name);
    const names = [...this.#weights].sort(([a, many], [b, more]) => {
      return Number(isPlain(a)) - Number(isPlain(b)) || more - many;
    });
    const quantized = names.map(([name]) => name).filter((name) => !isPlain(name));
    const plain = names.map(([name]) => name).filter(isPlain);
    if (quantized.length === 0) return plain.join(', ');
    return plain.length === 0 ? quantized.join('; ') : `${quantized.join('; ')}; rest ${plain.join(', ')}`;
  }

  /**
   * One sentence for each thing that a user should know. Throws `tensor_mismatch` where a tensor was left over that
   * would change the result.
   */
  notices(): string[] {
    const left = this.index.unused().filter((name) => !HARMLESS.test(name));
    const bias = left.find((name) => name.endsWith('.bias'));
    if (bias !== undefined) {
      const message = `The checkpoint has "${bias}", but Llama 4 has no biases. Config and weights are of different models.`;
      throw new OutriderError('tensor_mismatch', message, { details: { tensor: bias } });
    }
    const notices = [...(this.#config?.notices ?? [])];
    if (this.#config !== undefined && this.#quantized === 0) {
      notices.push(`config.json declares ${this.#config.method} quantization, but no matrix is stored so.`);
    }
    if (left.length > 0) {
      notices.push(`${left.length} tensors of the language model are not used, such as "${left[0]}".`);
    }
    return notices;
  }
}
