// y = W x for one token, as shaders/matvec-lanes.wgsl, for adapters that compute on a CPU.
//
//   routes  [1]             the token's expert and score (EXPERT only)
//   blob    [rows, cols]    weights as a codec says; with EXPERT a stack of such blobs (shared/matvec.wgsl)
//   x       [cols]          f32
//   norm    [cols]          f32, with NORM: x is the residual stream h, and stands for h / rms(h) * norm
//   y       [outputs]       f32, from `y_at`; SWIGLU and ADD: shared/product.wgsl
//
// There a thread is a lane of a SIMD register, and a load that differs between lanes is one scalar load, a bounds test
// and an insertion for each: 16 cycles for 32 bytes on lavapipe, as much as the arithmetic of eight rows' nibble. So each
// word of weights is loaded once, by the thread that owns four rows and sums them up alone, without barriers; and x,
// which all need, is loaded a lane a column and handed round (shared/x-broadcast.wgsl), or by each thread where there
// are no subgroups (shared/x-plain.wgsl). With f16 x is rounded; the arithmetic is f32.
// Bound by instructions: four a weight and register, of 8 rows on lavapipe and 4 on SwiftShader.
override THREADS: u32 = 8; // multiple of LANES
override LANES: u32 = 8;   // the subgroup size: 4, or a multiple of 8
override NORM: bool = false;

@group(0) @binding(5) var<storage, read> x: array<f32>;    // [cols]; PART both, ADD: twice
@group(0) @binding(6) var<storage, read> norm: array<f32>; // [cols]

var<private> squares: f32;

// To be asked for once a column.
fn x_at(column: u32) -> f32 {
  let value = x[x_from + column];
  if (!NORM) { return f32(Elem(value)); }
  squares += value * value;
  return value * norm[column];
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
