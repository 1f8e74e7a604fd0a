// x for matvec-rows: a lane loads a column, and each is handed to all lanes. LANES is the subgroup size, threads of a
// one-dimensional workgroup fill subgroups in order.
var<private> lane: u32;
var<private> lane_place: f32; // of the lane's column in its octet

fn prepare_x(thread: u32) {
  lane = thread % LANES;
  lane_place = select(HIGH_PLACES, LOW_PLACES, (lane & 4) == 0)[lane & 3];
}

// Columns 8 * at .. 8 * at + 7, times the codec's places.
fn x_octet(at: u32) -> mat2x4<f32> {
  if (LANES >= 8) {
    let own = lane_x(8 * at + (lane & 7)) * lane_place;
    return mat2x4<f32>(first_four(own), vec4(subgroupBroadcast(own, 4), subgroupBroadcast(own, 5),
                                             subgroupBroadcast(own, 6), subgroupBroadcast(own, 7)));
  }
  let low = lane_x(8 * at + lane) * LOW_PLACES[lane];
  let high = lane_x(8 * at + 4 + lane) * HIGH_PLACES[lane];
  return mat2x4<f32>(first_four(low), first_four(high));
}

fn first_four(own: f32) -> vec4<f32> {
  return vec4(subgroupBroadcast(own, 0), subgroupBroadcast(own, 1), subgroupBroadcast(own, 2), subgroupBroadcast(own, 3));
}

// A sum over the columns of what lanes have summed up.
fn over_lanes(sum: f32) -> f32 {
  return subgroupAdd(sum) * select(1, 8 / f32(LANES), LANES > 8); // more than 8 lanes load columns more than once
}
