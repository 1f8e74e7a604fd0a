/**
 * `node src/build/icons.mjs`: draws the site's icons into public/, from the same grid as the mark in the pages. Run it when
 * the mark changes.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { root } from './modules.mjs';

const GREY = [0x80, 0x86, 0x80];
const LIT = [0xf0, 0x8a, 0x5d];
const PAPER = [0x14, 0x15, 0x17];

/** Squares of the mark in its own units, 16 to a side: four by four experts, one of them at work. */
const squares = Array.from({ length: 16 }, (_, at) => ({ x: 1 + 4 * (at % 4), y: 1 + 4 * Math.floor(at / 4) })).map(
  ({ x, y }) => (x === 9 && y === 5 ? { x: 8.25, y: 4.25, side: 3.5, color: LIT } : { x, y, side: 2, color: GREY }),
);

/** The mark as SVG; on any background. */
export function drawSvg() {
  const rects = squares.map(
    ({ x, y, side, color }) =>
      `<path fill="#${Buffer.from(color).toString('hex')}" d="M${x} ${y}h${side}v${side}h-${side}z"/>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><title>Outrider</title>${rects.join('')}</svg>\n`;
}

/**
 * The mark as PNG on dark paper; edges between pixels are mixed by their share.
 * @param {number} size pixels of a side
 * @param {number} margin share of the side that stays free all around: systems cut maskable icons to shapes of their own
 * @returns {Buffer}
 */
export function drawPng(size, margin) {
  const scale = (size * (1 - 2 * margin)) / 16;
  const pixels = Buffer.alloc(size * (1 + 3 * size)); // each row begins with its filter: 0, none
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) pixels.set(colorAt(x, y, scale, margin * size), y * (1 + 3 * size) + 1 + 3 * x);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2], 8); // bits per channel; red, green, blue
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const data = deflateSync(pixels, { level: 9 });
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}

/** @param {number} px @param {number} py @param {number} scale @param {number} offset */
function colorAt(px, py, scale, offset) {
  const overlap = (/** @type {number} */ pixel, /** @type {number} */ from, /** @type {number} */ side) =>
    Math.max(0, Math.min(pixel + 1, offset + (from + side) * scale) - Math.max(pixel, offset + from * scale));
  let color = PAPER;
  for (const square of squares) {
    const share = overlap(px, square.x, square.side) * overlap(py, square.y, square.side);
    if (share > 0)
      color = color.map((paper, channel) => Math.round(paper + share * ((square.color[channel] ?? 0) - paper)));
  }
  return color;
}

/** @param {string} type @param {Buffer} data */
function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8 + body.length);
  frame.writeUInt32BE(data.length, 0);
  body.copy(frame, 4);
  frame.writeUInt32BE(crc32(body), 4 + body.length);
  return frame;
}

/** All icons, by their names in public/. @type {Record<string, () => string | Buffer>} */
export const icons = {
  'icon.svg': drawSvg,
  'icon-192.png': () => drawPng(192, 0.1),
  'icon-512.png': () => drawPng(512, 0.1),
  'icon-maskable.png': () => drawPng(512, 0.2),
};

if (process.argv[1] === import.meta.filename) {
  for (const [name, draw] of Object.entries(icons)) writeFileSync(join(root, 'public', name), draw());
}
