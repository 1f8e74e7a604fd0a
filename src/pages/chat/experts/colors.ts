/** One colour per expert, told apart on light and on dark paper. Pure. */

/**
 * Sixteen sRGB colours whose smallest distance in OKLab is as large as a numeric search could make it (0.16), with
 * lightness 0.50 to 0.84 so that each stands out on white and on near-black; neighbours by number are far apart.
 */
const sixteen = (
  '#915100 #67dcfd #0564d2 #fe7150 #139210 #883eb5 #edbac8 #02aba5 ' +
  '#b2195b #fdbf2a #839cfe #346e70 #5add83 #ef76da #ae9116 #a47890'
).split(' ');

/** CSS colour of an expert. Past sixteen, colours cannot be told apart by eye anyway: a hue ramp shows the pattern. */
export function expertColor(expert: number, numLocalExperts: number): string {
  if (numLocalExperts <= sixteen.length) return sixteen[expert]!;
  return `oklch(0.68 0.15 ${((360 * expert) / numLocalExperts).toFixed(1)})`;
}

/** Black or white, whichever reads better on the expert's colour. */
export function inkOn(expert: number, numLocalExperts: number): '#000' | '#fff' {
  if (numLocalExperts > sixteen.length) return '#000';
  const channels = [1, 3, 5].map((at) => (Number.parseInt(sixteen[expert]!.slice(at, at + 2), 16) / 255) ** 2.2);
  const luminance = 0.2126 * channels[0]! + 0.7152 * channels[1]! + 0.0722 * channels[2]!;
  return luminance > 0.18 ? '#000' : '#fff'; // 0.18: where the contrast to both is equal
}
