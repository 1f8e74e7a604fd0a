// x for matmul-rows: eight lanes load 8 columns of four tokens, 16 bytes each, and hand them to all lanes. LANES is the
// subgroup size, 4 or a multiple of 8; threads of a one-dimensional workgroup fill subgroups in order.
override LANES: u32 = 8;

var<private> lane_x: vec2<u32>;    // where the lane's tokens begin; the second only where there are four lanes
var<private> lane_places: vec4<f32>;
var<private> lane_sums: vec2<f32>; // of x in the lane's columns

// `from_x`: where the rows of x begin.
fn take_tokens(from_x: vec4<u32>, thread: u32) {
  let lane = thread % LANES;
  let high = lane & 1;
  lane_x = vec2(from_x[(lane / 2) & 3], from_x[2 + ((lane / 2) & 1)]) + high;
  lane_places = select(LOW_PLACES, HIGH_PLACES, high == 1);
}

// Columns 8 * step .. 8 * step + 7 of the tokens, times the codec's places.
fn token_octets(step: u32) -> Octets {
  let own = vec4<f32>(vec4<Elem>(x[lane_x.x + 2 * step]));
  lane_sums.x += dot(own, vec4(1));
  let a = own * lane_places;
  if (LANES == 4) {
    let other = vec4<f32>(vec4<Elem>(x[lane_x.y + 2 * step]));
    lane_sums.y += dot(other, vec4(1));
    let b = other * lane_places;
    return Octets(mat4x4<f32>(subgroupBroadcast(a, 0), subgroupBroadcast(a, 2),
                              subgroupBroadcast(b, 0), subgroupBroadcast(b, 2)),
                  mat4x4<f32>(subgroupBroadcast(a, 1), subgroupBroadcast(a, 3),
                              subgroupBroadcast(b, 1), subgroupBroadcast(b, 3)));
  }
  return Octets(mat4x4<f32>(subgroupBroadcast(a, 0), subgroupBroadcast(a, 2),
                            subgroupBroadcast(a, 4), subgroupBroadcast(a, 6)),
                mat4x4<f32>(subgroupBroadcast(a, 1), subgroupBroadcast(a, 3),
                            subgroupBroadcast(a, 5), subgroupBroadcast(a, 7)));
}

// Sums of the tokens' columns since the last call.
fn token_sums() -> vec4<f32> {
  let a = lane_sums.x;
  let b = lane_sums.y;
  lane_sums = vec2(0);
  if (LANES == 4) {
    return vec4(subgroupBroadcast(a, 0) + subgroupBroadcast(a, 1), subgroupBroadcast(a, 2) + subgroupBroadcast(a, 3),
                subgroupBroadcast(b, 0) + subgroupBroadcast(b, 1), subgroupBroadcast(b, 2) + subgroupBroadcast(b, 3));
  }
  return vec4(subgroupBroadcast(a, 0) + subgroupBroadcast(a, 1), subgroupBroadcast(a, 2) + subgroupBroadcast(a, 3),
              subgroupBroadcast(a, 4) + subgroupBroadcast(a, 5), subgroupBroadcast(a, 6) + subgroupBroadcast(a, 7));
}
