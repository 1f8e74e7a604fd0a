// bitsandbytes NF4 weights: w = code[nibble] * absmax, low nibble = even column.
//   words   [rows, cols / 8]
//   absmax  [rows * cols / 64]  f32, at scales_at: blocks of 64 along the flattened matrix, which may straddle rows

// One of two codes by a bit of the nibbles.
fn pick(low: f32, high: f32, bit: vec4<bool>) -> vec4<f32> { return select(vec4(low), vec4(high), bit); }

// The codes as a tree of choices: a table that is indexed by a variable is slow on software adapters.
fn decode4(word: u32) -> vec4<f32> {
  let nibbles = vec4(word) >> vec4(0u, 4u, 8u, 12u);
  let one = (nibbles & vec4(1u)) != vec4(0u);
  let two = (nibbles & vec4(2u)) != vec4(0u);
  let four = (nibbles & vec4(4u)) != vec4(0u);
  let c0 = select(pick(-1.0, -0.6961928009986877, one),
                  pick(-0.5250730514526367, -0.39491748809814453, one), two);
  let c1 = select(pick(-0.28444138169288635, -0.18477343022823334, one),
                  pick(-0.09105003625154495, 0.0, one), two);
  let c2 = select(pick(0.07958029955625534, 0.16093020141124725, one),
                  pick(0.24611230194568634, 0.33791524171829224, one), two);
  let c3 = select(pick(0.44070982933044434, 0.5626170039176941, one),
                  pick(0.7229568362236023, 1.0, one), two);
  return select(select(c0, c1, four), select(c2, c3, four), (nibbles & vec4(8u)) != vec4(0u));
}

fn octet(base: u32, row: u32, at: u32) -> mat2x4<f32> {
  let octets = row * (params.cols / 8) + at;
  let word = word_at(base + octets);
  return bitcast<f32>(word_at(base + params.scales_at + (octets >> 3))) * mat2x4<f32>(decode4(word), decode4(word >> 16));
}
