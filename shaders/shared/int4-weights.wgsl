// Int4 weights as compressed-tensors packs them: w = (nibble - zero) * scale, 8 nibbles a u32, lowest column first.
// A blob holds the words, then at `scales_at` the scales, then at `zeros_at` the zero points (u32 offsets):
//   scales [rows, cols / GROUP_SIZE]  shared/scales.wgsl; GROUP_SIZE 32, 64 or 128
//   zeros  [ceil(rows / 8), cols / GROUP_SIZE]  u32 of 8 nibbles, lowest row first; the stored 0..15 is the zero itself
override ASYMMETRIC: bool = false;

fn nibbles_low(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4(word) >> vec4(0u, 4u, 8u, 12u)) & vec4(15u));
}

fn nibbles_high(word: u32) -> vec4<f32> {
  return vec4<f32>((vec4(word) >> vec4(16u, 20u, 24u, 28u)) & vec4(15u));
}
