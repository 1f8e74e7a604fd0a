/** Measured quantities as people read them: three digits and a unit. Pure. */

const powers = ['', 'k', 'M', 'G', 'T', 'P'] as const;

/** Three significant digits, thousands grouped: `0.0432`, `4.32`, `432`, `43,200`. */
export function formatNumber(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A decimal prefix before the unit: `43.2 GB/s`, `1.20 TFLOP/s`. */
export function formatScaled(value: number, unit: string): string {
  const power = value < 1000 ? 0 : Math.min(powers.length - 1, Math.floor(Math.log10(value) / 3));
  return `${formatNumber(value / 1000 ** power)} ${powers[power]}${unit}`;
}

/** A power of ten with its prefix, as ticks have it: `100 G`, `0.1`. */
export function formatPower(value: number): string {
  const power = value < 1000 ? 0 : Math.min(powers.length - 1, Math.floor(Math.log10(value * 1.001) / 3));
  return `${Number((value / 1000 ** power).toPrecision(3))} ${powers[power]}`.trim();
}

/** Tokens per second: `30,900 tokens/s`. */
export const formatSpeed = (tokensPerSecond: number): string => `${formatNumber(tokensPerSecond)} tokens/s`;

/** Seconds: `812 ns`, `43.2 µs`, `1.20 ms`, `3.40 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds === 0) return '0 s';
  const [scale, unit] = (
    [
      [1, 's'],
      [1e3, 'ms'],
      [1e6, 'µs'],
      [1e9, 'ns'],
    ] as const
  ).find(([factor]) => seconds * factor >= 1) ?? [1e9, 'ns'];
  return `${formatNumber(seconds * scale)} ${unit}`;
}

/** Operations per byte: `4.00 FLOP/B`. */
export const formatIntensity = (flops: number, bytes: number): string => `${formatNumber(flops / bytes)} FLOP/B`;

/** A part of a whole: `43 %`, `4.3 %` below ten, `< 0.1 %`. */
export function formatShare(share: number): string {
  const percent = 100 * share;
  if (percent > 0 && percent < 0.05) return '< 0.1 %';
  return `${percent >= 9.95 || percent === 0 ? Math.round(percent) : percent.toFixed(1)} %`;
}

/** How many times as fast: `1.32×`. */
export const formatRatio = (ratio: number): string => `${formatNumber(ratio)}×`;

/** An error of arithmetic: `3.1e-13`. */
export const formatError = (error: number): string => (error === 0 ? '0' : error.toExponential(1));
