// x for matvec-rows: lanes load columns, and each is handed to all lanes. LANES is the subgroup size, threads of a
// one-dimensional workgroup fill subgroups in order; of more than 8 lanes, the others do what the first 8 do.
var<private> lane: u32;

fn prepare_x(thread: u32) { lane = thread % LANES; }

// Columns 8 * at .. 8 * at + 7: a lane loads one, or two.
fn x_octet(at: u32) -> mat2x4<f32> {
  let own = x_at(8 * at + (lane & 7));
  if (LANES >= 8) {
    return mat2x4<f32>(first_lanes(own), vec4(subgroupBroadcast(own, 4), subgroupBroadcast(own, 5),
                                              subgroupBroadcast(own, 6), subgroupBroadcast(own, 7)));
  }
  return mat2x4<f32>(first_lanes(own), first_lanes(x_at(8 * at + 4 + lane)));
}

fn first_lanes(own: f32) -> vec4<f32> {
  return vec4(subgroupBroadcast(own, 0), subgroupBroadcast(own, 1), subgroupBroadcast(own, 2), subgroupBroadcast(own, 3));
}

// A sum over the columns of what lanes have summed up.
fn over_lanes(sum: f32) -> f32 {
  return subgroupAdd(sum) * select(1, 8 / f32(LANES), LANES > 8);
}
