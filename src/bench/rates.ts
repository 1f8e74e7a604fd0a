/** Which measured kernels decide what Scout would do. Pure. */
import type { ChosenVariants } from '../kernels/variants.ts';
import type { KernelSubject, Role } from './kernels/kernels.ts';
import type { KernelResult } from './results.ts';
import type { MeasuredRates, Rate } from './scout.ts';

/** The rates of the chosen variants; undefined where a role was not measured. */
export function ratesOf(
  measured: readonly (readonly [Pick<KernelSubject, 'role' | 'family'>, KernelResult])[],
  chosen: ChosenVariants,
): MeasuredRates | undefined {
  const rate = (role: Role): Rate | undefined => {
    const own = measured.filter(
      ([subject, { variant }]) => subject.role === role && variant === chosen[subject.family],
    );
    const sum = (of: keyof Rate) => own.reduce((total, [, result]) => total + result[of], 0);
    return own.length > 0 ? { bytes: sum('bytes'), flops: sum('flops'), seconds: sum('seconds') } : undefined;
  };
  const [weights, keys, block, blockKeys] = [rate('weights'), rate('keys'), rate('block'), rate('blockKeys')];
  return weights && keys && block && blockKeys && { weights, keys, block, blockKeys };
}
