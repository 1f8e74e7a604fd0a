// MLX affine weights: w = q * scale + bias, q unsigned, lowest bits = lowest column.
//   words   [rows, cols * BITS / 32]
//   scales  [rows, ceil(cols / GROUP_SIZE)]  at scales_at; shared/scales.wgsl
//   biases  [rows, ceil(cols / GROUP_SIZE)]  at zeros_at, stored like the scales
override BITS: u32 = 4; // 4 or 8

fn fields(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4(word) >> vec4(0, BITS, 2 * BITS, 3 * BITS)) & vec4((1u << BITS) - 1));
}

// 8 weights of a row, from column 8 * at: what every codec makes, for an outline that has `params` and `word_at`.
fn octet(base: u32, row: u32, at: u32) -> mat2x4<f32> {
  let index = row * groups() + at * 8 / GROUP_SIZE;
  let place = base + scale_word(index);
  let scale = scale_from(word_at(place + params.scales_at), index);
  let bias = scale_from(word_at(place + params.zeros_at), index);
  let word = base + (row * (params.cols / 8) + at) * (BITS / 4);
  let low = word_at(word);
  var high = low >> 16;
  if (BITS == 8) { high = word_at(word + 1); }
  return mat2x4<f32>(fields(low) * scale + bias, fields(high) * scale + bias);
}
