// Stands in for shared/rows-int4.wgsl: the same loads of weights, scales and x, one exclusive-or for each.
// What it takes is what the loads of the product take.
const LOW_PLACES = vec4<f32>(1);
const HIGH_PLACES = vec4<f32>(1);

fn lane_x(column: u32) -> f32 { return x_at(column); }

fn products(rows: vec4<u32>) -> vec4<f32> {
  let groups = params.cols / GROUP_SIZE;
  let starts = blob_at / 4 + rows * (params.cols / 32);
  var bits = vec4(0u);
  for (var group = 0u; group < groups; group++) {
    for (var step = group * (GROUP_SIZE / 32); step < (group + 1) * (GROUP_SIZE / 32); step++) {
      let words = quads_at(starts + step);
      bits ^= words.x ^ words.y ^ words.z ^ words.w;
      for (var word = 0u; word < 4; word++) {
        bits.x ^= bitcast<u32>(lane_x(8 * (4 * step + word) + (lane & 7)));
      }
    }
    bits ^= bitcast<vec4<u32>>(scales_of(rows * groups + group));
  }
  return vec4<f32>(bits & vec4(1u));
}
