// Int4 weights whose columns were quantized in order of activation: as shared/int4-weights.wgsl, but the group of a
// column stands in a table.
//   order  [1 or, with SWIGLU, 2][cols]  u32, at order_at; the up rows have the second
fn weights(base: u32, row: u32, column: u32, nibbles: vec4<f32>) -> vec4<f32> {
  // Rows past the outputs are up rows.
  let place = base + params.order_at + select(0, params.cols, row >= params.outputs) + column;
  return vec4(weight(base, row, word_at(place), nibbles.x), weight(base, row, word_at(place + 1), nibbles.y),
              weight(base, row, word_at(place + 2), nibbles.z), weight(base, row, word_at(place + 3), nibbles.w));
}

fn weight(base: u32, row: u32, group: u32, nibble: f32) -> f32 {
  let index = row * groups() + group;
  var zero = 8.0;
  if (ASYMMETRIC) {
    zero = f32((word_at(base + params.zeros_at + (row >> 3) * groups() + group) >> (4 * (row & 7))) & 15);
  }
  return (nibble - zero) * scale_from(word_at(base + params.scales_at + scale_word(index)), index);
}

fn octet(base: u32, row: u32, at: u32) -> mat2x4<f32> {
  let word = word_at(base + row * (params.cols / 8) + at);
  return mat2x4<f32>(weights(base, row, 8 * at, nibbles_low(word)), weights(base, row, 8 * at + 4, nibbles_high(word)));
}
