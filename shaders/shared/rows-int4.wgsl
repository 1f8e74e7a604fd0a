// Int4 weights (shared/int4-weights.wgsl) for matvec-rows: a thread takes 16 bytes, 32 columns, of its four rows a step.
// A nibble is masked, not shifted: it stands for q * 16^i, and x has been divided by 16^i, exactly, once for all rows.
// Only the last is shifted, so that all fit a signed integer: CPUs have no conversion of unsigned ones. The zero is
// subtracted a group at a time, times the sum of x.
const LOW_PLACES = vec4<f32>(1, 0x1p-4, 0x1p-8, 0x1p-12);
const HIGH_PLACES = vec4<f32>(0x1p-16, 0x1p-20, 0x1p-24, 1);

var<private> x_sum: f32;

fn lane_x(column: u32) -> f32 {
  let value = x_at(column);
  x_sum += value;
  return value;
}

fn dot8(word: u32, x: mat2x4<f32>) -> f32 {
  let low = bitcast<vec4<i32>>(vec4(word) & vec4(0xfu, 0xf0u, 0xf00u, 0xf000u));
  let high = bitcast<vec4<i32>>(vec4(vec3(word) & vec3(0xf0000u, 0xf00000u, 0xf000000u), word >> 28));
  return dot(vec4<f32>(low), x[0]) + dot(vec4<f32>(high), x[1]);
}

fn products(rows: vec4<u32>) -> vec4<f32> {
  let groups = params.cols / GROUP_SIZE;
  let starts = blob_at / 4 + rows * (params.cols / 32);
  var total = vec4(0.0);
  for (var group = 0u; group < groups; group++) {
    var sums = vec4(0.0);
    x_sum = 0;
    for (var step = group * (GROUP_SIZE / 32); step < (group + 1) * (GROUP_SIZE / 32); step++) {
      let words = quads_at(starts + step);
      for (var word = 0u; word < 4; word++) {
        let x = x_octet(4 * step + word);
        sums += vec4(dot8(words.x[word], x), dot8(words.y[word], x), dot8(words.z[word], x), dot8(words.w[word], x));
      }
    }
    total += scales_of(rows * groups + group) * (sums - zeros_of(rows, groups, group) * over_lanes(x_sum));
  }
  return total;
}
