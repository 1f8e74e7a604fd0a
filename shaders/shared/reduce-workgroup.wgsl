// Sums a vec4 over each aligned group of LANES threads, through workgroup memory; for adapters without subgroups.
// One barrier and a short serial sum: a tree would pay a barrier per level.
var<workgroup> lane_sums: array<vec4<f32>, 64>;

// Valid in the first thread of each group. Call in uniform control flow.
fn reduce_lanes(value: vec4<f32>, thread: u32) -> vec4<f32> {
  if (LANES == 1) { return value; }
  lane_sums[thread] = value;
  workgroupBarrier();
  var sum = vec4(0.0);
  if (thread % LANES == 0) {
    for (var lane = 0u; lane < LANES; lane++) { sum += lane_sums[thread + lane]; }
  }
  return sum;
}
