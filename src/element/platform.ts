/** Whether this page can compute at all. */
import { OutriderError } from '../errors.ts';

/** Why WebGPU cannot be there at all, before anything is downloaded; undefined where it may be. */
export function unusablePlatform(): OutriderError | undefined {
  if (!window.isSecureContext) {
    return new OutriderError(
      'webgpu_unavailable',
      `${location.origin} is not a secure origin, and browsers offer WebGPU only there. Use https:// or localhost.`,
      { details: { reason: 'insecure-origin', origin: location.origin } },
    );
  }
  if (!navigator.gpu) {
    return new OutriderError('webgpu_unavailable', 'This browser has no navigator.gpu. Use one with WebGPU.', {
      details: { reason: 'no-api', userAgent: navigator.userAgent },
    });
  }
  return undefined;
}
