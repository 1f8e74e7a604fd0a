// NVFP4 weights: w = e2m1 * scale * factor, low nibble = even column.
//   words    [rows, cols / 8]
//   scales   [rows, cols / 16]  E4M3, at scales_at: 4 a u32
//   factors  [rows]             f32, at zeros_at
fn decode4(word: u32) -> vec4<f32> {
  let nibbles = vec4(word) >> vec4(0u, 4u, 8u, 12u);
  // Twice the magnitudes 0 0.5 1 1.5 2 3 4 6, a nibble each.
  let twice = vec4<f32>((vec4(0xc8643210u) >> ((nibbles & vec4(7u)) * 4)) & vec4(15u));
  return select(twice, -twice, (nibbles & vec4(8u)) != vec4(0u));
}

fn octet(base: u32, row: u32, at: u32) -> mat2x4<f32> {
  let octets = row * (params.cols / 8) + at;
  let word = word_at(base + octets);
  let scales = word_at(base + params.scales_at + (octets >> 3)) >> (((octets >> 1) & 3) * 8);
  // Exact up to the factor, so that a weight is rounded once.
  return bitcast<f32>(word_at(base + params.zeros_at + row))
    * (e4m3(vec4(scales)).x * 0.5 * mat2x4<f32>(decode4(word), decode4(word >> 16)));
}
