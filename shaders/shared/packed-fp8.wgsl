// FP8 weights: w = e4m3 * scale, lowest byte = lowest column.
//   words   [rows, cols / 4]
//   scales  [rows, ceil(cols / GROUP_SIZE)]  at scales_at; shared/scales.wgsl
fn decode4(word: u32) -> vec4<f32> { return e4m3(vec4(word) >> vec4(0u, 8u, 16u, 24u)); }

fn octet(base: u32, row: u32, at: u32) -> mat2x4<f32> {
  let index = row * groups() + at * 8 / GROUP_SIZE;
  let word = base + (row * (params.cols / 8) + at) * 2;
  return scale_from(word_at(base + params.scales_at + scale_word(index)), index)
    * mat2x4<f32>(decode4(word_at(word)), decode4(word_at(word + 1)));
}
