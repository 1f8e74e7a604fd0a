// Sums a vec4 over each aligned group of LANES threads, through workgroup memory; for adapters without subgroups.
// Short serial sums: a tree would pay a barrier per level.
var<workgroup> lane_sums: array<vec4<f32>, 64>;

// Valid in every thread of the group. Call in uniform control flow.
fn reduce_lanes(value: vec4<f32>, thread: u32) -> vec4<f32> {
  if (LANES == 1) { return value; }
  if (NORM != 0) { workgroupBarrier(); } // there may be a call before this one
  lane_sums[thread] = value;
  workgroupBarrier();
  let first = thread / LANES * LANES;
  var sum = vec4(0.0);
  for (var lane = 0u; lane < LANES; lane++) { sum += lane_sums[first + lane]; }
  return sum;
}
