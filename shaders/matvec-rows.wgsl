// y = W x for one token, as shaders/matvec-lanes.wgsl, for adapters that compute on a CPU.
//
//   routes  [1]             the token's expert and score (EXPERT only)
//   blob    [rows, cols]    weights as a codec says; with EXPERT a stack of such blobs (shared/matvec.wgsl)
//   x       [cols]          f32
//   norm    [cols]          f32, with NORM: x is the residual stream h, and stands for h / rms(h) * norm
//   y       [outputs]       f32, from `y_at`; SWIGLU and ADD: shared/product.wgsl
//
// There a thread is a lane of a SIMD register, and a load, even of one address for all lanes, is a test, a bounds test,
// a scalar load and an insertion for each lane: on lavapipe 300 instructions for 16 bytes of 8 lanes, twice the arithmetic
// on them. So weights are loaded once, 16 bytes a time, by the thread that owns four rows and sums them up alone, without
// barriers; and x, which all need, is loaded a lane some columns and handed round (shared/x-broadcast.wgsl). Only
// without subgroups each thread loads all of it (shared/x-plain.wgsl), at twice the time.
// With f16 x is rounded; the arithmetic is f32: and, convert, multiply, add for a weight of 8 rows (SwiftShader: 4).
override THREADS: u32 = 8; // multiple of LANES
override LANES: u32 = 8;   // the subgroup size: 4, or a multiple of 8
override NORM: bool = false;

@group(0) @binding(5) var<storage, read> x: array<vec4<f32>>;    // [cols / 4]; PART both, ADD: twice
@group(0) @binding(6) var<storage, read> norm: array<vec4<f32>>; // [cols / 4]

var<private> squares: f32;

// Four columns from 4 * at. Each column is to be asked for once by every 8 lanes.
fn x_quad(at: u32) -> vec4<f32> {
  let value = x[x_from / 4 + at];
  if (!NORM) { return vec4<f32>(vec4<Elem>(value)); }
  squares += dot(value, value);
  return value * norm[at];
}

fn x_at(column: u32) -> f32 {
  let value = x[(x_from + column) / 4][column & 3];
  if (!NORM) { return f32(Elem(value)); }
  squares += value * value;
  return value * norm[column / 4][column & 3];
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) grid: vec3u,
        @builtin(local_invocation_index) thread: u32) {
  let outputs_per_thread = select(4u, 2u, SWIGLU);
  let task = task_of(wid.y * grid.x + wid.x, THREADS * outputs_per_thread);
  let first = (task.group * THREADS + thread) * outputs_per_thread;
  prepare_x(thread);
  var sums = vec4(0.0);
  var found = false;
  for (var part = task.part; part < task.end; part++) {
    if (!find(part)) { continue; }
    found = true;
    sums += products(rows_from(first));
  }
  if (!found) { return; }
  if (NORM) { sums *= inverseSqrt(over_lanes(squares) / f32(params.cols) + params.eps); }
  finish_rows(first, task.part, sums);
}
