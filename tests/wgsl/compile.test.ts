import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compactWgsl } from '../../src/build/wgsl.ts';
import { nameShaders, shortenNames } from '../../src/build/wgsl-names.ts';
import { type Gpu, openDevice } from '../../src/gpu/device.ts';
import { defineKernel, PipelineCache, type Variant, wgslOf } from '../../src/gpu/kernel.ts';
import { openNodeGpu } from '../../src/gpu/node.ts';
import { allKernels, allVariants } from '../../src/kernels/index.ts';

/** Dawn's null backend has every feature and computes nothing; a device asked for no limits has WebGPU's defaults. */
describe('on a device with WebGPU’s default limits', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await openDevice((await openNodeGpu({ backend: 'null' })).gpu);
    expect(gpu.facts).toMatchObject({ f16: true, subgroups: true });
  });
  afterAll(() => gpu.destroy());

  const variants = [...allVariants()];
  const names = nameShaders(allKernels.map(({ source }) => compactWgsl(source)));

  it.each(allKernels)('$name compiles without a message, in f32 and in f16', async ({ name }) => {
    const sources = new Set(variants.filter(({ kernel }) => kernel.name === name).map(wgslOf));
    expect(sources.size).toBeGreaterThan(0);
    for (const code of sources) {
      const module = gpu.device.createShaderModule({ code });
      const { messages } = await module.getCompilationInfo();
      expect(messages.map(({ lineNum, linePos, message }) => `${lineNum}:${linePos} ${message}`)).toEqual([]);
    }
  });

  it.each(allKernels)('every variant of $name becomes a pipeline', async ({ name }) => {
    const pipelines = new PipelineCache(gpu.device);
    for (const variant of variants.filter(({ kernel }) => kernel.name === name)) {
      await expect(pipelines.get(variant), describeVariant(variant)).resolves.toBeDefined();
    }
    expect(gpu.failure).toBeUndefined();
  });

  it.each(allKernels)('so does $name as builds ship it, with the same bindings and parameters', async (kernel) => {
    const shipped = defineKernel(kernel.name, shortenNames(compactWgsl(kernel.source), names));
    expect({ ...shipped, source: '' }).toEqual({ ...kernel, source: '' });
    const pipelines = new PipelineCache(gpu.device);
    for (const variant of variants.filter(({ kernel: { name } }) => name === kernel.name)) {
      await expect(pipelines.get({ ...variant, kernel: shipped }), describeVariant(variant)).resolves.toBeDefined();
    }
    expect(gpu.failure).toBeUndefined();
  });
});

function describeVariant({ kernel, elem, overrides }: Variant): string {
  return `${kernel.name} ${elem} ${JSON.stringify(overrides)}`;
}
