/** onnxruntime-web's MatMulNBits on WebGPU: int4 weights in blocks, as compressed-tensors packs them too. */
import { median } from '../../../../bench/timing.ts';

const RUNTIME = '/peers/node_modules/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs';
const WASM = '/peers/node_modules/onnxruntime-web/dist/';
/** Writes ONNX models by hand. */
const WRITER = '/peers/lib/onnx.mjs';

/** One matrix y = W x. */
export interface MatmulNBits {
  readonly rows: number;
  readonly cols: number;
  /** Columns that share a scale. */
  readonly block: number;
  /** 0: f32 activations; 4: int8. */
  readonly accuracyLevel: 0 | 4;
  /** [rows, cols / 8] u32 of 8 nibbles, lowest column first; the zero is 8. */
  readonly words: Uint32Array;
  /** [rows, cols / block] */
  readonly scales: Float32Array;
  readonly x: Float32Array; // [cols]
}

/** What is used of the runtime and of the writer; they are no dependencies, so their types are not here. */
interface Runtime {
  readonly env: {
    readonly wasm: { wasmPaths: string; numThreads: number };
    readonly webgpu: { readonly device: GPUDevice | Promise<GPUDevice> };
    logLevel: string;
  };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => OnnxTensor;
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<OnnxSession> };
}
interface OnnxTensor {
  dispose(): void;
  getData(): Promise<Float32Array>;
}
interface OnnxSession {
  run(feeds: Readonly<Record<string, OnnxTensor>>): Promise<Readonly<Record<string, OnnxTensor>>>;
  release(): Promise<void>;
}
interface Writer {
  readonly TYPE: Readonly<Record<'float' | 'uint8', number>>;
  node(type: string, inputs: string[], outputs: string[], attributes: object, domain: string): object;
  tensor(name: string, type: number, dims: number[], data: ArrayBufferView): object;
  value(name: string, type: number, dims: number[]): object;
  model(parts: object): Uint8Array;
}

/** Copies of the node in the longer of two models: their difference is free of what a run costs besides. */
const COPIES = 8;

/** The product as an ONNX session; `time` is to be called in turns with others. */
export class OnnxMatvec {
  readonly #runtime: Runtime;
  readonly #one: OnnxSession;
  readonly #many: OnnxSession;
  readonly #x: OnnxTensor;

  private constructor(runtime: Runtime, one: OnnxSession, many: OnnxSession, x: OnnxTensor) {
    this.#runtime = runtime;
    this.#one = one;
    this.#many = many;
    this.#x = x;
  }

  static async create(matmul: MatmulNBits): Promise<OnnxMatvec> {
    const runtime = (await import(/* @vite-ignore */ RUNTIME)) as Runtime;
    const writer = (await import(/* @vite-ignore */ WRITER)) as Writer;
    runtime.env.wasm.wasmPaths = WASM;
    runtime.env.wasm.numThreads = 1;
    runtime.env.logLevel = 'error';
    const open = (copies: number) =>
      runtime.InferenceSession.create(writeModel(writer, matmul, copies), {
        executionProviders: ['webgpu'],
        preferredOutputLocation: 'gpu-buffer',
        graphOptimizationLevel: 'disabled', // equal nodes would become one
        extra: { session: { disable_cpu_ep_fallback: '1' } },
      });
    const x = new runtime.Tensor('float32', matmul.x, [1, matmul.cols]);
    const matvec = new OnnxMatvec(runtime, await open(1), await open(1 + COPIES), x);
    for (const session of [matvec.#one, matvec.#many]) await matvec.#seconds(session); // compiles
    return matvec;
  }

  /** [rows] */
  async output(): Promise<Float32Array> {
    const { y0 } = await this.#one.run({ x: this.#x });
    const values = (await y0!.getData()).slice();
    y0!.dispose();
    return values;
  }

  /** Seconds of one product. */
  async time(): Promise<number> {
    const samples: number[] = [];
    for (let sample = 0; sample < 3; sample++) {
      const one = await this.#seconds(this.#one);
      samples.push(((await this.#seconds(this.#many)) - one) / COPIES);
    }
    return median(samples);
  }

  async release(): Promise<void> {
    await this.#one.release();
    await this.#many.release();
  }

  async #seconds(session: OnnxSession): Promise<number> {
    const started = performance.now();
    const outputs = await session.run({ x: this.#x });
    const device = await this.#runtime.env.webgpu.device;
    await device.queue.onSubmittedWorkDone();
    const seconds = (performance.now() - started) / 1000;
    for (const output of Object.values(outputs)) output.dispose();
    return seconds;
  }
}

function writeModel({ TYPE, model, node, tensor, value }: Writer, matmul: MatmulNBits, copies: number): Uint8Array {
  const { rows, cols, block, accuracyLevel, words, scales } = matmul;
  const blocks = cols / block;
  const outputs = Array.from({ length: copies }, (_, copy) => `y${copy}`);
  const level = accuracyLevel === 0 ? {} : { accuracy_level: accuracyLevel }; // 0 is the op's default
  const attributes = { K: cols, N: rows, bits: 4, block_size: block, ...level };
  return model({
    nodes: outputs.map((y) => node('MatMulNBits', ['x', 'w', 'scales'], [y], attributes, 'com.microsoft')),
    inputs: [value('x', TYPE.float, [1, cols])],
    outputs: outputs.map((y) => value(y, TYPE.float, [1, rows])),
    initializers: [
      tensor('w', TYPE.uint8, [rows, blocks, block / 2], words),
      tensor('scales', TYPE.float, [rows * blocks], scales),
    ],
  });
}
