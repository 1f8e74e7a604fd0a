import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { openDevice } from '../../src/gpu/device.ts';
import { installedDrivers, openNodeGpu } from '../../src/gpu/node.ts';

describe('WebGPU under Node', () => {
  it('offers an adapter, and its constants, only after it was opened', async () => {
    const before = execFileSync(process.execPath, ['-e', 'console.log(typeof GPUBufferUsage)'], { encoding: 'utf8' });
    expect(before.trim()).toBe('undefined');
    const { gpu } = await openNodeGpu();
    expect(GPUBufferUsage.STORAGE).toBe(0x80);
    const { facts, destroy } = await openDevice(gpu);
    expect(facts.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(128 * 2 ** 20);
    destroy();
  });

  it.runIf(installedDrivers('swiftshader').length > 0)('opens SwiftShader when that is asked for', async () => {
    const { gpu, drivers } = await openNodeGpu({ adapter: 'swiftshader' });
    const { facts, destroy } = await openDevice(gpu);
    expect(facts).toMatchObject({ architecture: 'swiftshader', software: true, f16: false });
    expect(drivers).toEqual(installedDrivers('swiftshader'));
    destroy();
  });
});
