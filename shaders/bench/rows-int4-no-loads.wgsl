// Stands in for shared/rows-int4.wgsl: the same arithmetic on operands that are made up in registers, nothing loaded.
// What it takes is what the arithmetic of the product takes.
const LOW_PLACES = vec4<f32>(1, 0x1p-4, 0x1p-8, 0x1p-12);
const HIGH_PLACES = vec4<f32>(0x1p-16, 0x1p-20, 0x1p-24, 1);

var<private> x_sum: f32;

fn lane_x(column: u32) -> f32 {
  let value = f32(i32(column));
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
      let made_up = (starts + step) * 0x9e3779b1u; // no two words alike, so that nothing is computed only once
      for (var word = 0u; word < 4; word++) {
        let x = x_octet(4 * step + word);
        let words = made_up ^ vec4(word);
        sums += vec4(dot8(words.x, x), dot8(words.y, x), dot8(words.z, x), dot8(words.w, x));
      }
    }
    let scales = vec4<f32>(vec4<i32>(rows + group));
    total += scales * (sums - 8 * over_lanes(x_sum));
  }
  return total;
}
