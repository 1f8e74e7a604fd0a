/** Buffers that every run writes, sized for a block, and the tables that the CPU computes once. */
import type { ModelConfig } from './config.ts';
import type { Schedule } from './irope.ts';
import {
  type ActivationName,
  type ActivationRequest,
  activationBytes,
  maxPartials,
  PIECE,
  type TableSize,
  tableSizes,
} from './memory/activations.ts';
import { ropeFrequencies, temperatureAt } from './positions.ts';

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
  readonly extras: GPUBuffer; // uniform
  readonly mask: GPUBuffer; // [ceil(vocab / 32)] u32
  readonly entries: GPUBuffer; // [vocab] bias f32, seen u32
  readonly adjusted: GPUBuffer; // [vocab] f32
  readonly slices: GPUBuffer; // [numSlices] as in shared/slices.wgsl
  readonly candidates: GPUBuffer; // [vocab] u32
  readonly record: GPUBuffer; // [1 + moeLayers + log-probabilities] u32
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
  /** Bytes of all of them. */
  readonly bytes: number;
}

export function createActivations(device: GPUDevice, config: ModelConfig, request: ActivationRequest): Activations {
  const sizes = activationBytes(config, request);
  const isUniform = (name: string) => name === 'state' || name === 'extras';
  const buffers = Object.entries(sizes).map(([label, size]) => {
    const kind = isUniform(label) ? GPUBufferUsage.UNIFORM : GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
    return [label, device.createBuffer({ label, size, usage: kind | GPUBufferUsage.COPY_DST })];
  });
  return {
    ...(Object.fromEntries(buffers) as Record<ActivationName, GPUBuffer>),
    maxRows: request.maxRows,
    maxPartials: maxPartials(request.contextLength),
    piece: PIECE,
    bytes: Object.values(sizes).reduce((sum, bytes) => sum + bytes, 0),
  };
}

/** Angles in f64, then stored as f32: WGSL's sin and cos are off by up to 1e-2 at large arguments. */
export function createTables(
  device: GPUDevice,
  config: ModelConfig,
  schedule: Schedule,
  contextLength: number,
): Tables {
  const { rope, temperature, ones } = tableSizes(config, schedule, contextLength);
  return {
    rope: upload(device, 'rope table', ropeTable(config, rope.rows), rope),
    temperature: upload(device, 'temperature table', temperatureTable(config, temperature.rows), temperature),
    ones: upload(device, 'ones', new Float32Array([1]), ones),
    bytes: rope.bytes + temperature.bytes + ones.bytes,
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

function upload(device: GPUDevice, label: string, data: Float32Array<ArrayBuffer>, { rows, bytes }: TableSize): Table {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const buffer = device.createBuffer({ label, size: bytes, usage });
  device.queue.writeBuffer(buffer, 0, data);
  return { buffer, rows };
}
