// x for matvec-rows without subgroups: each thread loads all of it.
fn prepare_x(thread: u32) {}

// Columns 8 * at .. 8 * at + 7, times the codec's places.
fn x_octet(at: u32) -> mat2x4<f32> {
  let from_x = 8 * at;
  return mat2x4<f32>(
    vec4(lane_x(from_x), lane_x(from_x + 1), lane_x(from_x + 2), lane_x(from_x + 3)) * LOW_PLACES,
    vec4(lane_x(from_x + 4), lane_x(from_x + 5), lane_x(from_x + 6), lane_x(from_x + 7)) * HIGH_PLACES);
}

fn over_lanes(sum: f32) -> f32 { return sum; }
