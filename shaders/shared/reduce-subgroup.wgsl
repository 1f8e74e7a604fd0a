// Sums a vec4 over each aligned group of LANES threads by shuffles. LANES is a power of two and divides every subgroup
// size of the adapter (it is the least one), and threads of a one-dimensional workgroup fill subgroups in order.

// Valid in every thread of the group. Call in uniform control flow.
fn reduce_lanes(value: vec4<f32>, thread: u32) -> vec4<f32> {
  var sum = value;
  for (var step = LANES / 2; step > 0; step /= 2) { sum += subgroupShuffleXor(sum, step); }
  return sum;
}
