import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_HEADER_BYTES, parseHeader } from '../../src/checkpoint/header.ts';
import { DTYPE_BYTES, type Dtype, type Tensor } from '../../src/checkpoint/tensor.ts';
import { layOutHeader, tensorBytes } from '../../src/checkpoint/write-header.ts';
import { OutriderError } from '../../src/errors.ts';
import { type Entry, safetensors } from './memory-source.ts';

const parse = (file: Uint8Array): Tensor[] => parseHeader(file, { file: 'w.safetensors', fileSize: file.length });
const invalid = (message: RegExp | string) =>
  expect.objectContaining({
    code: 'checkpoint_invalid',
    message: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
  });

const dtypes = Object.keys(DTYPE_BYTES) as Dtype[];
const specs = fc.uniqueArray(
  fc.record({
    name: fc.string({ unit: 'grapheme' }).filter((name) => name !== '__metadata__'),
    dtype: fc.constantFrom(...dtypes),
    shape: fc.array(fc.nat(4), { maxLength: 4 }),
  }),
  { selector: (spec) => spec.name, minLength: 1, maxLength: 6 },
);
/** A valid header's entries, in the order of their data. */
const valid = specs.map((tensors) => {
  const { ranges, bytes, fileSize } = layOutHeader(tensors, {});
  const entries: [string, Entry][] = tensors.map(({ name, dtype, shape }) => {
    const { start, end } = ranges.get(name)!;
    return [name, { dtype, shape, data_offsets: [start - bytes.length, end - bytes.length] }];
  });
  return { entries, dataBytes: fileSize - bytes.length };
});
/** One with at least one byte of data, and a tensor that has some. */
const filled = valid
  .filter(({ dataBytes }) => dataBytes > 0)
  .map((header) => ({
    ...header,
    at: header.entries.findIndex(
      ([, { data_offsets }]) => (data_offsets as number[])[0]! < (data_offsets as number[])[1]!,
    ),
  }));

function refuse(entries: readonly [string, unknown][], dataBytes: number, message: RegExp | string): void {
  expect(() => parse(safetensors(Object.fromEntries(entries), dataBytes))).toThrow(invalid(message));
}

test('what the header writer lays out is read back, aligned and in order', () => {
  fc.assert(
    fc.property(specs, (tensors) => {
      const { bytes, ranges, fileSize } = layOutHeader(tensors, { format: 'pt' });
      const read = parseHeader(bytes, { file: 'w.safetensors', fileSize });
      expect(new Map(read.map(({ name, dtype, shape }) => [name, { name, dtype, shape }]))).toEqual(
        new Map(tensors.map((spec) => [spec.name, spec])),
      );
      for (const tensor of read) {
        expect(ranges.get(tensor.name)).toEqual({ start: tensor.start, end: tensor.end });
        expect(tensor.end - tensor.start).toBe(tensorBytes(tensor));
        expect(tensor.start % DTYPE_BYTES[tensor.dtype]).toBe(0);
      }
      expect(read.map(({ start }) => start)).toEqual(read.map(({ start }) => start).sort((a, b) => a - b));
    }),
  );
});

test('random bytes, and random JSON, never crash with anything but an OutriderError', () => {
  const onlyOurs = (file: Uint8Array): void => {
    try {
      parse(file);
    } catch (error) {
      expect(error).toBeInstanceOf(OutriderError);
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), onlyOurs));
  fc.assert(fc.property(fc.json(), fc.nat(64), (json, bytes) => onlyOurs(safetensors(json, bytes))));
  const entry = fc.record({ dtype: fc.anything(), shape: fc.anything(), data_offsets: fc.anything() });
  fc.assert(
    fc.property(fc.dictionary(fc.string(), entry), (header) => {
      let json: string;
      try {
        json = JSON.stringify(header);
      } catch {
        return; // fc.anything() makes values that have no JSON
      }
      onlyOurs(safetensors(json, 8));
    }),
  );
  fc.assert(
    fc.property(filled, fc.nat(), fc.nat(255), ({ entries, dataBytes }, at, byte) => {
      const file = safetensors(Object.fromEntries(entries), dataBytes);
      file[at % file.length] = byte;
      onlyOurs(file);
    }),
  );
});

describe('a valid header is refused once it is changed:', () => {
  const change = (
    name: string,
    message: RegExp | string,
    mutate: (entry: { dtype: Dtype; shape: number[]; data_offsets: [number, number] }) => object,
  ): void =>
    test(name, () => {
      fc.assert(
        fc.property(filled, ({ entries, dataBytes, at }) => {
          const [key, entry] = entries[at]!;
          const changed = { ...entry, ...mutate(entry as never) };
          refuse(entries.with(at, [key, changed as Entry]), dataBytes, message);
        }),
      );
    });

  change('the range reaches beyond the file', /ends at byte \d+, but the file has \d+/, ({ data_offsets: [a, b] }) => ({
    data_offsets: [a, b + 2 ** 40],
  }));
  change('the range is turned around', 'not [begin, end]', ({ data_offsets: [a, b] }) => ({ data_offsets: [b, a] }));
  change('an offset is negative', 'not [begin, end]', ({ data_offsets: [, b] }) => ({ data_offsets: [-8, b] }));
  change('an offset is a fraction', 'not [begin, end]', ({ data_offsets: [a, b] }) => ({ data_offsets: [a + 0.5, b] }));
  change('an offset is beyond 2^53', 'not [begin, end]', ({ data_offsets: [a] }) => ({ data_offsets: [a, 2 ** 60] }));
  change('there are three offsets', 'not [begin, end]', ({ data_offsets }) => ({ data_offsets: [...data_offsets, 1] }));
  change('a size is negative', 'non-negative integers', ({ shape }) => ({ shape: [...shape, -1] }));
  change('a size is a fraction', 'non-negative integers', ({ shape }) => ({ shape: [...shape, 1.5] }));
  change('a size is a string', 'non-negative integers', ({ shape }) => ({ shape: [...shape, '1'] }));
  change('the shape is larger than the range', /has \d+ bytes, but .* needs/, ({ shape }) => ({
    shape: [...shape, 3],
  }));
  change('the shape overflows', /needs more than can be addressed/, ({ shape }) => ({
    shape: [...shape, 2 ** 40, 2 ** 40],
  }));
  change('the dtype is unknown', 'dtype "Q4_K"', () => ({ dtype: 'Q4_K' }));
  change('the dtype is absent', 'dtype nothing', () => ({ dtype: undefined }));
  change('the dtype is the name of an object member', 'dtype "toString"', () => ({ dtype: 'toString' }));
});

test('a file that is longer or shorter than its tensors is refused', () => {
  fc.assert(
    fc.property(filled, fc.integer({ min: 1, max: 9 }), ({ entries, dataBytes }, extra) => {
      refuse(entries, dataBytes + extra, 'tensors end at byte');
      refuse(entries, dataBytes - 1, /ends at byte/);
    }),
  );
});

test('overlaps, holes and unaligned beginnings are refused', () => {
  const tensor = (dtype: string, begin: number, end: number): Entry => {
    return { dtype, shape: [(end - begin) / DTYPE_BYTES[dtype as Dtype]], data_offsets: [begin, end] };
  };
  refuse(Object.entries({ a: tensor('F32', 0, 8), b: tensor('F32', 4, 12) }), 12, /"b" begins at byte .* overlaps/);
  refuse(Object.entries({ a: tensor('F32', 0, 8), b: tensor('F32', 0, 8) }), 8, 'overlaps');
  refuse(Object.entries({ a: tensor('F32', 0, 8), b: tensor('F32', 12, 16) }), 16, /before tensor "b", belong to no/);
  refuse(Object.entries({ a: tensor('F32', 4, 8) }), 8, 'belong to no tensor');
  refuse(Object.entries({ a: tensor('U8', 0, 2), b: tensor('F32', 2, 6) }), 6, 'not a multiple of F32');
});

test('a name that occurs twice is refused, however it is spelled', () => {
  const entry = '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}';
  for (const second of ['a', '\\u0061']) {
    expect(() => parse(safetensors(`{"a":${entry}, "${second}" :${entry}}`, 1))).toThrow(invalid('name "a" twice'));
  }
  const twoShapes = '{"a":{"dtype":"U8","shape":[9],"shape":[1],"data_offsets":[0,1]}}';
  expect(() => parse(safetensors(twoShapes, 1))).toThrow(invalid('"shape" twice'));
  const harmless = `{"__metadata__":{"{":"}\\"","a":"[a"},"a":${entry}}`; // brackets and quotes inside strings
  expect(parse(safetensors(harmless, 1))).toHaveLength(1);
});

test('a header that is no JSON object of tensors is refused', () => {
  for (const [header, message] of [
    ['', 'not JSON'],
    ['{"a":', 'not JSON'],
    ['[1]', 'not a JSON object'],
    ['null', 'not a JSON object'],
    ['{"a":1}', 'not described by an object'],
    ['{"__metadata__":{"a":1}}', 'object of strings'],
    ['[['.repeat(200_000), 'not JSON'],
  ] as const) {
    expect(() => parse(safetensors(header, 0))).toThrow(invalid(message));
  }
  const file = safetensors('{"a\u00ff":1}', 0);
  file[11] = 0xff; // breaks the UTF-8 of the name
  expect(() => parse(file)).toThrow(invalid('not UTF-8'));
});

test('a header length beyond the file or beyond the limit is refused before anything is read or allocated', () => {
  const head = new Uint8Array(8);
  const claim = (length: bigint, fileSize: number) => () => {
    new DataView(head.buffer).setBigUint64(0, length, true);
    return parseHeader(head, { file: 'w.safetensors', fileSize });
  };
  expect(claim(100n, 50)).toThrow(invalid('header has 100 bytes, but the file has 50'));
  expect(claim(2n ** 64n - 1n, 1e9)).toThrow(invalid('18446744073709551615'));
  expect(claim(100_000_000n, 5e9)).toThrow(invalid(`at most ${MAX_HEADER_BYTES}`));
  expect(() => parse(new Uint8Array(5))).toThrow(invalid('5 bytes, too few'));
});
