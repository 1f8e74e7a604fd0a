import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { icons } from '../../src/build/icons.mjs';

const manifest = JSON.parse(readFileSync('public/manifest.webmanifest', 'utf8')) as {
  icons: { src: string; sizes: string }[];
};

it.each(Object.entries(icons))('public/%s is what its script draws', (name, draw) => {
  const [kept, drawn] = [readFileSync(`public/${name}`), Buffer.from(draw())];
  if (name.endsWith('.svg')) expect(kept.toString()).toBe(drawn.toString());
  else expect(pixelsOf(kept).equals(pixelsOf(drawn))).toBe(true);
});

/** Unpacked: every version of zlib packs in its own way. The data stand behind signature and header. */
const pixelsOf = (png: Buffer) => inflateSync(png.subarray(41, 41 + png.readUInt32BE(33)));

it('the manifest names every icon with its size', () => {
  expect(manifest.icons.map(({ src }) => src.slice(1)).sort()).toEqual(Object.keys(icons).sort());
  for (const { src, sizes } of manifest.icons.filter(({ src }) => src.endsWith('.png'))) {
    const header = readFileSync(`public${src}`);
    expect(`${header.readUInt32BE(16)}x${header.readUInt32BE(20)}`).toBe(sizes);
  }
});
