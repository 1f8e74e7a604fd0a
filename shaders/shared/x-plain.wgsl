// x for matvec-rows without subgroups: each thread loads all of it.
fn prepare_x(thread: u32) {}

// Columns 8 * at .. 8 * at + 7.
fn x_octet(at: u32) -> mat2x4<f32> { return mat2x4<f32>(x_quad(2 * at), x_quad(2 * at + 1)); }

fn over_lanes(sum: f32) -> f32 { return sum; }
