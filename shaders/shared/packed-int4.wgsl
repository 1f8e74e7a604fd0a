// Int4 weights (shared/int4-weights.wgsl), by octets.
fn octet(base: u32, row: u32, at: u32) -> mat2x4<f32> {
  let group = at * 8 / GROUP_SIZE;
  let index = row * groups() + group;
  var zero = 8.0;
  if (ASYMMETRIC) {
    zero = f32((word_at(base + params.zeros_at + (row >> 3) * groups() + group) >> (4 * (row & 7))) & 15);
  }
  let scale = scale_from(word_at(base + params.scales_at + scale_word(index)), index);
  let word = word_at(base + row * (params.cols / 8) + at);
  return mat2x4<f32>((nibbles_low(word) - zero) * scale, (nibbles_high(word) - zero) * scale);
}
