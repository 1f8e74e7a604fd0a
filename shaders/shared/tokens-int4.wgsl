// Int4 weights (shared/int4-weights.wgsl) for matmul-rows: a thread takes 16 bytes, 32 columns, of its rows a step.
// A nibble is masked, not shifted: it stands for q * 16^i, and x has been divided by 16^i, exactly, once for all rows.
// Only the last is shifted, so that all fit a signed integer: CPUs have no conversion of unsigned ones. The zero is
// subtracted a group at a time, times the sum of x.
const LOW_PLACES = vec4<f32>(1, 0x1p-4, 0x1p-8, 0x1p-12);
const HIGH_PLACES = vec4<f32>(0x1p-16, 0x1p-20, 0x1p-24, 1);

fn words_at(at: vec4<u32>) -> vec4<u32> { return vec4(word_at(at.x), word_at(at.y), word_at(at.z), word_at(at.w)); }

// 8 weights of a row times the tokens' x. [token]
fn dot8(word: u32, x: Octets) -> vec4<f32> {
  let low = bitcast<vec4<i32>>(vec4(word) & vec4(0xfu, 0xf0u, 0xf00u, 0xf000u));
  let high = bitcast<vec4<i32>>(vec4(vec3(word) & vec3(0xf0000u, 0xf00000u, 0xf000000u), word >> 28));
  return vec4<f32>(low) * x.low + vec4<f32>(high) * x.high;
}

// [row][token]
fn products(rows: vec4<u32>) -> mat4x4<f32> {
  let groups = params.cols / GROUP_SIZE;
  let starts = blob_at / 4 + rows * (params.cols / 32);
  var totals = mat4x4<f32>();
  for (var group = 0u; group < groups; group++) {
    var sums = mat4x4<f32>();
    for (var step = group * (GROUP_SIZE / 32); step < (group + 1) * (GROUP_SIZE / 32); step++) {
      let words0 = blob[starts.x + step];
      let words1 = blob[starts.y + step];
      let words2 = blob[starts.z + step];
      let words3 = blob[starts.w + step];
      for (var word = 0u; word < 4; word++) {
        let x = token_octets(4 * step + word);
        sums += mat4x4<f32>(dot8(words0[word], x), dot8(words1[word], x), dot8(words2[word], x), dot8(words3[word], x));
      }
    }
    let scales = scales_of(rows * groups + group);
    let zeros = zeros_of(rows, groups, group);
    let x_sums = token_sums();
    totals += mat4x4<f32>(scales.x * (sums[0] - zeros.x * x_sums), scales.y * (sums[1] - zeros.y * x_sums),
                          scales.z * (sums[2] - zeros.z * x_sums), scales.w * (sums[3] - zeros.w * x_sums));
  }
  return totals;
}
