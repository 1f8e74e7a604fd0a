// 32 products of int4 weights in f16, two at a time. Nibbles i and i + 4 of a word, put into the mantissas of two 1024s,
// are 1024 + q: no conversion, and the subtraction of 1024 takes the zero with it. Sums of four products are f16, the
// rest is f32.
alias Columns = array<vec2<f16>, 16>; // columns i and i + 4 of each eight

fn columns(step: u32) -> Columns {
  var pairs: Columns;
  for (var word = 0u; word < 4; word++) {
    let low = vec4<f16>(x_at(8 * step + 2 * word));
    let high = vec4<f16>(x_at(8 * step + 2 * word + 1));
    pairs[4 * word] = vec2(low.x, high.x);
    pairs[4 * word + 1] = vec2(low.y, high.y);
    pairs[4 * word + 2] = vec2(low.z, high.z);
    pairs[4 * word + 3] = vec2(low.w, high.w);
  }
  return pairs;
}

fn pair(bits: u32, offset: vec2<f16>) -> vec2<f16> {
  return bitcast<vec2<f16>>((bits & 0x000f000fu) | 0x64006400u) - offset;
}

fn dot8(word: u32, offset: vec2<f16>, x0: vec2<f16>, x1: vec2<f16>, x2: vec2<f16>, x3: vec2<f16>) -> f32 {
  let sums = vec2<f32>(pair(word, offset) * x0 + pair(word >> 4, offset) * x1
                     + pair(word >> 8, offset) * x2 + pair(word >> 12, offset) * x3);
  return sums.x + sums.y;
}

fn dot32(words: vec4<u32>, zero: f32, x: Columns) -> f32 {
  let offset = vec2(f16(1024 + zero));
  return dot8(words.x, offset, x[0], x[1], x[2], x[3]) + dot8(words.y, offset, x[4], x[5], x[6], x[7])
       + dot8(words.z, offset, x[8], x[9], x[10], x[11]) + dot8(words.w, offset, x[12], x[13], x[14], x[15]);
}
