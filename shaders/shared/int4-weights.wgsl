// Int4 weights as compressed-tensors packs them: w = (nibble - zero) * scale, 8 nibbles a u32, lowest column first.
// A blob holds the words, then at `scales_at` the scales, then at `zeros_at` the zero points (u32 offsets):
//   scales [rows, cols / GROUP_SIZE]  16 bits each (two a u32) or f32
//   zeros  [ceil(rows / 8), cols / GROUP_SIZE]  u32 of 8 nibbles, lowest row first; the stored 0..15 is the zero itself
override GROUP_SIZE: u32 = 128; // 32, 64 or 128
override SCALE: u32 = 0;        // as ELEMENT: 0 bf16, 1 f16, 2 f32
override ASYMMETRIC: bool = false;

fn nibbles_low(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4(word) >> vec4(0u, 4u, 8u, 12u)) & vec4(15u));
}

fn nibbles_high(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4(word) >> vec4(16u, 20u, 24u, 28u)) & vec4(15u));
}

fn scale_from(word: u32, index: u32) -> f32 {
  if (SCALE == 2) { return bitcast<f32>(word); }
  if (SCALE == 1) { return unpack2x16float(word)[index & 1]; }
  return bitcast<f32>(select(word << 16, word & 0xffff0000u, (index & 1) == 1));
}

// u32 offset of a scale, from the start of the scales.
fn scale_word(index: u32) -> u32 {
  if (SCALE == 2) { return index; }
  return index >> 1;
}
