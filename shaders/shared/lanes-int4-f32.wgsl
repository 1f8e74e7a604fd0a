// 32 products of int4 weights in f32. A nibble becomes a float without a conversion, which many GPUs do at a quarter of
// their rate: put into the mantissa of 2^23 where it stands in its word, it is 2^23 + q * 16^i. The subtraction that
// takes 2^23 away takes the zero with it, and x is divided by 16^i, exactly, once for all rows.
alias Columns = array<vec4<f32>, 8>;

const PLACES = vec4<f32>(1, 16, 256, 4096);

fn columns(step: u32) -> Columns {
  return Columns(x_at(8 * step) / PLACES, x_at(8 * step + 1) / PLACES, x_at(8 * step + 2) / PLACES,
                 x_at(8 * step + 3) / PLACES, x_at(8 * step + 4) / PLACES, x_at(8 * step + 5) / PLACES,
                 x_at(8 * step + 6) / PLACES, x_at(8 * step + 7) / PLACES);
}

fn placed(bits: u32, offset: vec4<f32>) -> vec4<f32> {
  return bitcast<vec4<f32>>((vec4(bits) & vec4(0xfu, 0xf0u, 0xf00u, 0xf000u)) | vec4(0x4b000000u)) - offset;
}

fn dot8(word: u32, offset: vec4<f32>, low: vec4<f32>, high: vec4<f32>) -> f32 {
  return dot(placed(word, offset), low) + dot(placed(word >> 16, offset), high);
}

fn dot32(words: vec4<u32>, zero: f32, x: Columns) -> f32 {
  let offset = 8388608 + zero * PLACES;
  return dot8(words.x, offset, x[0], x[1]) + dot8(words.y, offset, x[2], x[3])
       + dot8(words.z, offset, x[4], x[5]) + dot8(words.w, offset, x[6], x[7]);
}
