// 32 products of int4 weights with x rounded to int8: a lane's 32 columns have a scale of their own, the largest of them
// over 127. Four products an instruction where the GPU has one (dot4I8Packed); sums are exact integers until the scales.
// Even columns are the low halves of a word's bytes, odd ones the high halves, and x is packed alike.
struct Columns {
  even: array<u32, 4>, // four int8 each
  odd: array<u32, 4>,
  scale: f32,
  sum: i32, // of all 32
}

fn largest(x: vec4<f32>) -> f32 {
  let size = abs(x);
  return max(max(size.x, size.y), max(size.z, size.w));
}

fn columns(step: u32) -> Columns {
  var low: array<vec4<f32>, 4>;
  var high: array<vec4<f32>, 4>;
  var most = 0.0;
  for (var word = 0u; word < 4; word++) {
    low[word] = x_at(8 * step + 2 * word);
    high[word] = x_at(8 * step + 2 * word + 1);
    most = max(most, max(largest(low[word]), largest(high[word])));
  }
  let inverse = select(127 / most, 0, most == 0);
  var x: Columns;
  x.scale = most / 127;
  for (var word = 0u; word < 4; word++) {
    let a = vec4<i32>(round(low[word] * inverse));
    let b = vec4<i32>(round(high[word] * inverse));
    x.even[word] = pack4xI8(vec4(a.xz, b.xz));
    x.odd[word] = pack4xI8(vec4(a.yw, b.yw));
    x.sum += dot4I8Packed(x.even[word], 0x01010101u) + dot4I8Packed(x.odd[word], 0x01010101u);
  }
  return x;
}

fn dot32(words: vec4<u32>, zero: f32, x: Columns) -> f32 {
  let low = words & vec4(0x0f0f0f0fu);
  let high = (words >> vec4(4u)) & vec4(0x0f0f0f0fu);
  let sum = dot4I8Packed(low.x, x.even[0]) + dot4I8Packed(high.x, x.odd[0])
          + dot4I8Packed(low.y, x.even[1]) + dot4I8Packed(high.y, x.odd[1])
          + dot4I8Packed(low.z, x.even[2]) + dot4I8Packed(high.z, x.odd[2])
          + dot4I8Packed(low.w, x.even[3]) + dot4I8Packed(high.w, x.odd[3]);
  return x.scale * f32(sum - i32(zero) * x.sum);
}
