/**
 * A kernel is one WGSL file; its bindings and its `Params` struct are read from the WGSL, the one source of truth.
 * A variant fixes overrides, the element type and the helper files; its pipeline is compiled once per device.
 */
import { OutriderError } from '../errors.ts';

export type Access = 'uniform' | 'read' | 'readWrite';

export interface Binding {
  readonly index: number;
  readonly name: string;
  readonly access: Access;
}

export interface Field {
  readonly name: string;
  readonly type: 'u32' | 'f32';
}

export interface Kernel {
  readonly name: string;
  /** WGSL without the variant's head. */
  readonly source: string;
  readonly bindings: readonly Binding[];
  /** Fields of `struct Params`, 4 bytes each, in order; empty where the kernel has none. */
  readonly params: readonly Field[];
}

/** Everything that decides a pipeline. */
export interface Variant {
  readonly kernel: Kernel;
  readonly overrides: Readonly<Record<string, number>>;
  /** Type of activations inside a product: `alias Elem`. Kernels without `Elem` ignore it. */
  readonly elem: 'f32' | 'f16';
  readonly subgroups: boolean;
}

const BINDING = /@group\(0\)\s*@binding\((\d+)\)\s*var<(uniform|storage)(?:,\s*(read_write|read))?>\s*(\w+)/g;

let hash = 0x811c9dc5;

/** Of the WGSL of all kernels so far (FNV-1a): what was found out about others is not true of these. */
export function kernelsHash(): number {
  return hash;
}

/** Reads a kernel's interface from its WGSL. `helpers` are files of shaders/shared/, appended. */
export function defineKernel(name: string, source: string, helpers: readonly string[] = []): Kernel {
  const code = [source, ...helpers].join('\n');
  for (let at = 0; at < code.length; at++) hash = Math.imul(hash ^ code.charCodeAt(at), 0x01000193);
  const bindings = [...code.matchAll(BINDING)].map((match): Binding => {
    const access: Access = match[2] === 'uniform' ? 'uniform' : match[3] === 'read_write' ? 'readWrite' : 'read';
    return { index: Number(match[1]), name: match[4]!, access };
  });
  return {
    name,
    source: code,
    bindings: bindings.sort((a, b) => a.index - b.index),
    params: parseStruct(code, 'Params'),
  };
}

/** Fields of a WGSL struct of u32 and f32 scalars, in order. */
export function parseStruct(code: string, name: string): Field[] {
  const body = new RegExp(`struct\\s+${name}\\s*\\{([^}]*)\\}`).exec(code)?.[1] ?? '';
  const plain = body.replace(/\/\/[^\n]*/g, '');
  return [...plain.matchAll(/(\w+)\s*:\s*(u32|f32)/g)].map((match) => ({
    name: match[1]!,
    type: match[2] as Field['type'],
  }));
}

/** Writes values by name in the order of `fields`; a name too many or too few is a programming error. */
export function packFields(
  kernel: string,
  fields: readonly Field[],
  values: Readonly<Record<string, number>>,
  into: DataView,
  offset = 0,
): void {
  const names = Object.keys(values);
  if (names.length !== fields.length)
    throw new Error(`${kernel}: params ${names} given, ${fields.map((field) => field.name)} needed`);
  fields.forEach(({ name, type }, index) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${kernel}: the param "${name}" is missing`);
    if (type === 'u32') into.setUint32(offset + 4 * index, value, true);
    else into.setFloat32(offset + 4 * index, value, true);
  });
}

/** The WGSL that is compiled: directives first, then the element type, then the kernel and its helpers. */
export function wgslOf({ kernel, elem, subgroups }: Variant): string {
  const head = [elem === 'f16' ? 'enable f16;' : '', subgroups ? 'enable subgroups;' : '', `alias Elem = ${elem};`];
  return `${head.filter(Boolean).join('\n')}\n${kernel.source}`;
}

export interface Pipeline {
  readonly variant: Variant;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** Compiles each variant once. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #pipelines = new Map<string, Promise<Pipeline>>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get(variant: Variant): Promise<Pipeline> {
    const key = JSON.stringify([variant.kernel.name, variant.overrides, variant.elem, variant.subgroups]);
    const found = this.#pipelines.get(key);
    if (found) return found;
    const made = this.#compile(variant);
    this.#pipelines.set(key, made);
    return made;
  }

  async #compile(variant: Variant): Promise<Pipeline> {
    const { kernel } = variant;
    const layout = this.#device.createBindGroupLayout({
      label: kernel.name,
      entries: kernel.bindings.map(({ index, access }) => ({
        binding: index,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: access === 'uniform' ? 'uniform' : access === 'read' ? 'read-only-storage' : 'storage' },
      })),
    });
    const module = this.#device.createShaderModule({ label: kernel.name, code: wgslOf(variant) });
    try {
      const pipeline = await this.#device.createComputePipelineAsync({
        label: kernel.name,
        layout: this.#device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, constants: variant.overrides },
      });
      return { variant, pipeline, layout };
    } catch (cause) {
      const { messages } = await module.getCompilationInfo();
      const where = messages.map((message) => `${message.lineNum}:${message.linePos} ${message.message}`).join('; ');
      throw new OutriderError(
        'gpu_validation',
        `The kernel ${kernel.name} does not compile on this adapter: ${where || String(cause)}. Please report it with your adapter's name.`,
        {
          cause,
          details: { kernel: kernel.name },
        },
      );
    }
  }
}
