/** Buffers that every run writes, sized for a block, and the tables that the CPU computes once. */
import { numTiles } from '../kernels/linear.ts';
import { STATE_BYTES } from '../kernels/state.ts';
import type { ModelConfig } from './config.ts';
import { ropeFrequencies, type Schedule, temperatureAt } from './irope.ts';

/** Keys per partial result of one token's attention; divides the segments' lengths. */
const PIECE = 256;

export interface Activations {
  readonly state: GPUBuffer; // uniform
  readonly ids: GPUBuffer; // [rows] u32; [0] is also where the sampler leaves the next id
  readonly h: GPUBuffer; // [rows, hidden] f32: the residual stream
  readonly x: GPUBuffer; // [rows, hidden] f32
  readonly qkv: GPUBuffer; // [rows, (heads + 2 kvHeads) * headDim] f32
  readonly context: GPUBuffer; // [rows, heads * headDim] f32
  readonly inner: GPUBuffer; // [rows, the widest feed-forward] f32
  readonly partials: GPUBuffer; // [heads, maxPartials, headDim + 2] or [rows, heads, 1, headDim + 2] f32
  readonly routerLogits: GPUBuffer; // [rows, experts] f32
  readonly forced: GPUBuffer; // [moeLayers, rows] u32
  readonly routes: GPUBuffer; // [rows] expert u32, score f32
  readonly order: GPUBuffer; // [rows] u32
  readonly tiles: GPUBuffer; // [numTiles(rows)] 3 u32
  readonly logits: GPUBuffer; // [vocab] f32
  readonly record: GPUBuffer; // [1 + moeLayers] u32
  readonly maxRows: number;
  readonly maxPartials: number;
  readonly piece: number;
  /** Bytes of all of them. */
  readonly bytes: number;
}

export interface Table {
  readonly buffer: GPUBuffer;
  /** Read at position mod rows. */
  readonly rows: number;
}

export interface Tables {
  readonly rope: Table; // [rows, headDim / 2, 2] cos, sin
  readonly temperature: Table; // [rows]
  readonly ones: Table; // [1]
}

/** @param forcible room for forced routes, in rows; comparisons need it, generation does not */
export function createActivations(
  device: GPUDevice,
  config: ModelConfig,
  contextLength: number,
  maxRows: number,
  forcible: boolean,
): Activations {
  let bytes = 0;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const make = (label: string, words: number) => {
    const size = Math.max(16, words * 4);
    bytes += size;
    return device.createBuffer({ label, size, usage });
  };
  const { numAttentionHeads: heads, numKeyValueHeads: kvHeads, headDim, hiddenSize, numLocalExperts: experts } = config;
  const dense = config.moeLayers.length < config.numHiddenLayers;
  const moeLayers = config.moeLayers.length;
  const widest = Math.max(dense ? config.intermediateSizeMlp : 0, moeLayers > 0 ? config.intermediateSize : 0);
  const maxPartials = Math.ceil(contextLength / PIECE);
  return {
    state: device.createBuffer({
      label: 'state',
      size: STATE_BYTES,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    }),
    ids: make('ids', maxRows),
    h: make('h', maxRows * hiddenSize),
    x: make('x', maxRows * hiddenSize),
    qkv: make('qkv', maxRows * (heads + 2 * kvHeads) * headDim),
    context: make('context', maxRows * heads * headDim),
    inner: make('inner', maxRows * widest),
    partials: make('partials', heads * (headDim + 2) * Math.max(maxRows, maxPartials)),
    routerLogits: make('router logits', maxRows * experts),
    forced: make('forced routes', forcible ? maxRows * moeLayers : 0),
    routes: make('routes', maxRows * 2),
    order: make('order', maxRows),
    tiles: make('tiles', numTiles(maxRows, experts) * 3),
    logits: make('logits', config.vocabSize),
    record: make('record', 1 + moeLayers),
    maxRows,
    maxPartials,
    piece: PIECE,
    get bytes() {
      return bytes;
    },
  };
}

/**
 * Angles in f64, then stored as f32: WGSL's sin and cos are off by up to 1e-2 at large arguments. Layers with RoPE that are
 * chunked only need one chunk of positions, since a rotation by a whole chunk cancels out between queries and keys.
 */
export function createTables(
  device: GPUDevice,
  config: ModelConfig,
  schedule: Schedule,
  contextLength: number,
): Tables {
  const globalRope = schedule.layers.some((layer) => layer.rope && layer.attention === 'global');
  const ropeRows = globalRope ? contextLength : Math.min(contextLength, schedule.chunk);
  const usesRope = schedule.layers.some((layer) => layer.rope);
  const usesTemperature = schedule.layers.some((layer) => layer.temperature);
  return {
    rope: upload(device, 'rope table', usesRope ? ropeTable(config, ropeRows) : new Float32Array(1), ropeRows),
    temperature: upload(
      device,
      'temperature table',
      temperatureTable(config, usesTemperature ? contextLength : 1),
      contextLength,
    ),
    ones: upload(device, 'ones', new Float32Array([1]), 1),
  };
}

function ropeTable(config: ModelConfig, rows: number): Float32Array<ArrayBuffer> {
  const frequencies = ropeFrequencies(config); // [headDim / 2]
  const table = new Float32Array(rows * frequencies.length * 2); // [rows, headDim / 2, 2]
  for (let position = 0, at = 0; position < rows; position++) {
    for (const frequency of frequencies) {
      table[at++] = Math.cos(position * frequency);
      table[at++] = Math.sin(position * frequency);
    }
  }
  return table;
}

function temperatureTable(config: ModelConfig, rows: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: rows }, (_, position) => temperatureAt(position, config));
}

function upload(device: GPUDevice, label: string, data: Float32Array<ArrayBuffer>, rows: number): Table {
  const buffer = device.createBuffer({
    label,
    size: Math.max(16, data.byteLength),
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
  });
  device.queue.writeBuffer(buffer, 0, data);
  return { buffer, rows };
}
