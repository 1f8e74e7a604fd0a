// bitsandbytes NF4 weights: w = CODES[nibble] * absmax, low nibble = even column.
//   words   [rows, cols / 8]
//   absmax  [rows * cols / 64]  f32, at scales_at: blocks of 64 along the flattened matrix, which may straddle rows

// Exactly what bitsandbytes stores as `quant_map`. A tree of 15 selects instead takes twice the time of this table on
// lavapipe and on SwiftShader.
const CODES = array<f32, 16>(
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
  -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
);

fn decode4(word: u32) -> vec4<f32> {
  return vec4(CODES[word & 15], CODES[(word >> 4) & 15], CODES[(word >> 8) & 15], CODES[(word >> 12) & 15]);
}

fn octet(base: u32, row: u32, at: u32) -> mat2x4<f32> {
  let octets = row * (params.cols / 8) + at;
  let word = word_at(base + octets);
  return bitcast<f32>(word_at(base + params.scales_at + (octets >> 3)))
    * mat2x4<f32>(decode4(word), decode4(word >> 16));
}
