/** onnxruntime-web's MatMulNBits on WebGPU: int4 weights in blocks, as compressed-tensors packs them too. */
import { median } from '../../../../bench/timing.ts';
import type { ProductData } from './data.ts';

const RUNTIME = '/peers/node_modules/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs';
const WASM = '/peers/node_modules/onnxruntime-web/dist/';
/** Writes ONNX models by hand. */
const WRITER = '/peers/lib/onnx.mjs';

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
export class OnnxProduct {
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

  static async create(data: ProductData): Promise<OnnxProduct> {
    const runtime = (await import(/* @vite-ignore */ RUNTIME)) as Runtime;
    const writer = (await import(/* @vite-ignore */ WRITER)) as Writer;
    runtime.env.wasm.wasmPaths = WASM;
    runtime.env.wasm.numThreads = 1;
    runtime.env.logLevel = 'error';
    const open = (copies: number) =>
      runtime.InferenceSession.create(writeModel(writer, data, copies), {
        executionProviders: ['webgpu'],
        preferredOutputLocation: 'gpu-buffer',
        graphOptimizationLevel: 'disabled', // equal nodes would become one
        extra: { session: { disable_cpu_ep_fallback: '1' } },
      });
    const x = new runtime.Tensor('float32', data.x, [data.tokens, data.cols]);
    const product = new OnnxProduct(runtime, await open(1), await open(1 + COPIES), x);
    for (const session of [product.#one, product.#many]) await product.#seconds(session); // compiles
    return product;
  }

  /** [tokens, rows] */
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

function writeModel({ TYPE, model, node, tensor, value }: Writer, data: ProductData, copies: number): Uint8Array {
  const { rows, cols, tokens, block, activations, words, scales } = data;
  const blocks = cols / block;
  const outputs = Array.from({ length: copies }, (_, copy) => `y${copy}`);
  const level = activations === 'int8' ? { accuracy_level: 4 } : {}; // 0, the op's default, is f32
  const attributes = { K: cols, N: rows, bits: 4, block_size: block, ...level };
  return model({
    nodes: outputs.map((y) => node('MatMulNBits', ['x', 'w', 'scales'], [y], attributes, 'com.microsoft')),
    inputs: [value('x', TYPE.float, [tokens, cols])],
    outputs: outputs.map((y) => value(y, TYPE.float, [tokens, rows])),
    initializers: [
      tensor('w', TYPE.uint8, [rows, blocks, block / 2], words),
      tensor('scales', TYPE.float, [rows * blocks], scales),
    ],
  });
}
