import { describe, expect, it } from 'vitest';
import { byteSource } from '../engine/fake-model.ts';

describe('the public module', () => {
  it('touches no global when imported', async () => {
    const before = Object.getOwnPropertyNames(globalThis);
    const { createEngine } = await import('../../src/index.ts');
    expect(createEngine).toBeTypeOf('function');
    expect(Object.getOwnPropertyNames(globalThis)).toEqual(before);
  });

  it('loads in this thread where there are no Workers, and says when there is no model', async () => {
    const { createEngine, OutriderError } = await import('../../src/index.ts');
    const error = await createEngine('./no/such/folder', { gpu: {} as GPU }).catch((reason) => reason);
    expect(error).toBeInstanceOf(OutriderError);
    expect(error).toMatchObject({ code: 'model_not_found', message: expect.stringContaining('no/such/folder') });
  });

  it('answers from a worker of the app that serves engines, whose first message finds nothing loaded yet', async () => {
    const { createEngine, OutriderError, serveEngine } = await import('../../src/index.ts');
    const { port1, port2 } = new MessageChannel();
    serveEngine(port2);
    port2.start();
    const worker = port1 as unknown as Worker;
    const error = await createEngine('./no/such/folder', { worker }).catch((reason) => reason);
    expect(error).toBeInstanceOf(OutriderError);
    expect(error).toMatchObject({ code: 'model_not_found', details: { folder: './no/such/folder' } });
    port1.close();
  });

  it('refuses to send to a Worker what cannot be sent', async () => {
    const { createEngine } = await import('../../src/index.ts');
    const worker = {} as Worker;
    await expect(createEngine('https://example.org/model', { worker, gpu: {} as GPU })).rejects.toMatchObject({
      code: 'invalid_request',
      details: { field: 'gpu' },
    });
    await expect(createEngine(byteSource, { worker })).rejects.toMatchObject({
      code: 'invalid_request',
      details: { field: 'source' },
    });
  });
});
