import { describe, expect, it } from 'vitest';
import { type ErrorCode, OutriderError } from '../../../src/errors.ts';
import { isRecoverable } from '../../../src/pages/chat/failures.ts';
import { explain } from '../../../src/pages/chat/problems.ts';

describe('a problem', () => {
  it.each([
    ['insecure-origin', 'This address is not secure'],
    ['no-api', 'This browser has no WebGPU'],
    ['no-adapter', 'No graphics adapter'],
    ['limits', 'This graphics adapter is too small'],
  ])('without WebGPU tells the reason: %s', (reason, title) => {
    expect(explain(new OutriderError('webgpu_unavailable', '', { details: { reason } }), '/m').title).toBe(title);
  });

  it.each<[ErrorCode, boolean]>([
    ['context_overflow', true],
    ['invalid_request', true],
    ['device_lost', false],
    ['gpu_out_of_memory', false],
  ])('after %s the model goes on working: %s', (code, recoverable) => {
    expect(isRecoverable(new OutriderError(code, ''))).toBe(recoverable);
  });

  it.each<ErrorCode>([
    'access_denied',
    'source_changed',
    'checksum_mismatch',
    'storage_full',
    'storage_failed',
    'model_in_use',
    'gpu_out_of_memory',
    'model_too_large',
  ])('of loading has a name, the engine’s own numbers, and advice: %s', (code) => {
    const { title, lead, advice } = explain(new OutriderError(code, 'found 1, needed 2'), '/m');
    expect([title, lead]).toEqual([expect.not.stringContaining('went wrong'), 'found 1, needed 2']);
    expect(advice.length).toBeGreaterThan(0);
  });

  it('keeps code, message, details and cause for a report', () => {
    const error = new OutriderError('network_error', 'HTTP 503', {
      cause: 'busy',
      details: { url: '/m', status: 503 },
    });
    expect(explain(error, '/m').details).toBe('network_error: HTTP 503\nurl: /m\nstatus: 503\ncause: busy');
    expect(explain(new TypeError('odd'), '/m')).toMatchObject({
      title: 'Something went wrong',
      details: 'TypeError: odd',
    });
  });
});
