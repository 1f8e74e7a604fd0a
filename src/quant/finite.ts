import { OutriderError } from '../errors.ts';
import { type FloatFormat, firstNonFinite } from './float.ts';
import { firstNanE4m3 } from './fp8.ts';

/**
 * Throws `checkpoint_invalid` for the first NaN or infinity: one of them among the scales would turn every answer into
 * noise, far from where it came in.
 * @param bytes whole elements
 * @param tensor name for the message
 * @param firstIndex index of `bytes`' first element in the tensor, where only a piece is looked at
 */
export function assertFinite(bytes: Uint8Array, format: FloatFormat | 'F8_E4M3', tensor: string, firstIndex = 0): void {
  const found = format === 'F8_E4M3' ? firstNanE4m3(bytes) : firstNonFinite(bytes, format);
  if (found < 0) return;
  const index = firstIndex + found;
  throw new OutriderError(
    'checkpoint_invalid',
    `"${tensor}" has a NaN or an infinity at index ${index}. The file is damaged: download it again.`,
    { details: { tensor, index } },
  );
}
