/** A model of any size made on the GPU, from noise: as large and as slow as a real one, without a download. */
import type { Gpu } from '../../gpu/device.ts';
import type { GpuMatrix } from '../../kernels/matrix.ts';
import type { ModelConfig } from '../../model/config.ts';
import { allocateModel, type Model, type ModelOptions } from '../../model/model.ts';
import { seeded } from '../../reference/random.ts';
import { randomFloats } from '../../reference/stored.ts';
import { syntheticReader } from './reader.ts';

/** Bytes of noise that are made once and then repeated. */
const TILE_BYTES = 1 << 20;
/** Deviation of a nibble around 8. */
const NIBBLE_DEVIATION = 4.6;

/** Throws what allocating a model throws. */
export async function syntheticModel(gpu: Gpu, config: ModelConfig, options: ModelOptions = {}): Promise<Model> {
  const model = await allocateModel(gpu, syntheticReader(config), config, options);
  const filler = new Filler(gpu.device, config.hiddenSize);
  const { weights } = model;
  filler.ones(weights.norm);
  for (const { inputLayernorm, postAttentionLayernorm, qkvProj, oProj, feedForward } of weights.layers) {
    filler.ones(inputLayernorm);
    filler.ones(postAttentionLayernorm);
    for (const matrix of [...qkvProj, oProj]) filler.matrix(matrix);
    if (feedForward.kind === 'moe') filler.matrix(feedForward.router);
    const mlps = feedForward.kind === 'dense' ? [feedForward.mlp] : [feedForward.experts, feedForward.sharedExpert];
    for (const mlp of mlps) {
      if (!mlp) continue;
      filler.matrix(mlp.gateUpProj);
      filler.matrix(mlp.downProj);
    }
  }
  filler.matrix(weights.embedTokens);
  if (weights.lmHead !== weights.embedTokens) filler.matrix(weights.lmHead);
  await filler.finish();
  if (gpu.failure) throw gpu.failure;
  return model;
}

type Tile = 'ones' | 'bits' | 'floats' | 'scales';

/** Copies tiles over buffers, on the GPU. */
class Filler {
  readonly #device: GPUDevice;
  readonly #encoder: GPUCommandEncoder;
  readonly #tiles: Readonly<Record<Tile, GPUBuffer>>;

  constructor(device: GPUDevice, cols: number) {
    this.#device = device;
    this.#encoder = device.createCommandEncoder();
    const random = seeded('synthetic weights');
    const deviation = 1 / Math.sqrt(cols); // so that outputs have about 1
    const bf16 = (spread: number) => randomFloats(random, TILE_BYTES / 2, 'BF16', spread);
    this.#tiles = {
      ones: this.#tile(new Uint32Array(new Float32Array(TILE_BYTES / 4).fill(1).buffer)),
      bits: this.#tile(random.words(TILE_BYTES / 4)),
      floats: this.#tile(bf16(deviation)),
      scales: this.#tile(bf16(deviation / NIBBLE_DEVIATION)),
    };
  }

  ones(vector: GPUBuffer): void {
    this.#fill('ones', vector, 0, vector.size);
  }

  matrix({ storage, shards }: GpuMatrix): void {
    for (const { buffer, numExperts, layout } of shards) {
      for (let slot = 0; slot < numExperts; slot++) {
        const [start, scales, end] = [0, layout.scalesAt, layout.length].map((at) => (slot * layout.length + at) * 4);
        this.#fill(storage.kind === 'float' ? 'floats' : 'bits', buffer, start!, scales!);
        this.#fill('scales', buffer, scales!, end!);
      }
    }
  }

  async finish(): Promise<void> {
    this.#device.queue.submit([this.#encoder.finish()]);
    await this.#device.queue.onSubmittedWorkDone();
    for (const tile of Object.values(this.#tiles)) tile.destroy();
  }

  #fill(tile: Tile, buffer: GPUBuffer, start: number, end: number): void {
    for (let at = start; at < end; at += TILE_BYTES)
      this.#encoder.copyBufferToBuffer(this.#tiles[tile], 0, buffer, at, Math.min(TILE_BYTES, end - at));
  }

  #tile(words: Uint32Array): GPUBuffer {
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = this.#device.createBuffer({ size: TILE_BYTES, usage });
    this.#device.queue.writeBuffer(buffer, 0, words as Uint32Array<ArrayBuffer>);
    return buffer;
  }
}
