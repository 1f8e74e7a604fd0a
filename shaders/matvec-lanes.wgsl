// y = W x for one token: the decode-time projection, for GPUs.
//
//   routes  [1]             the token's expert and score (EXPERT only)
//   blob    [rows, cols]    weights as a codec says; with EXPERT a stack of such blobs (shared/matvec.wgsl)
//   x       [cols]          f32
//   norm    [cols]          f32, with NORM: x is the residual stream h, and stands for h / rms(h) * norm
//   y       [outputs]       f32, from `y_at`; SWIGLU and ADD: shared/product.wgsl
//
// LANES threads share four rows, neighbours read neighbouring words: 16 bytes of every row a step where the codec allows
// it, all loaded before the first is used. x stays in registers for the four rows; it comes from the first-level cache,
// two bytes for each of weights, since all workgroups read the same.
// Memory-bound: reads the rows once, int4 in groups of 128 at 4.125 bits a weight (Scout: 8.3 GB a token). A subgroup of
// 32 has 2 KB under way at about 80 registers a thread; ten on each of an H100's 132 processors are 2.7 MB, which is
// what its memory delivers in a latency of 0.8 us, and qkv alone (7,168 rows) makes fourteen. In f32 a weight costs three
// instructions, in f16 less than two: no conversion, one scale for 32.
// Lanes are joined by shuffles where there are subgroups, by one barrier elsewhere.
override LANES: u32 = 8; // power of two, at most 64
// 1: the norm's factor is applied to the products, since it is one for the whole row. 2: to x before it is rounded to
// f16, whose range the residual stream may leave; then its squares are summed up first.
override NORM: u32 = 0;

@group(0) @binding(5) var<storage, read> x: array<vec4<f32>>;    // [cols / 4]; PART both, ADD: twice
@group(0) @binding(6) var<storage, read> norm: array<vec4<f32>>; // [cols / 4]

var<private> squares: f32;
var<private> factor: f32 = 1;

// Four values of x, from column 4 * at. Each is to be asked for by one lane.
fn x_at(at: u32) -> vec4<f32> {
  let value = x[x_from / 4 + at];
  if (NORM == 0) { return value; }
  if (NORM == 1) { squares += dot(value, value); }
  return value * norm[at] * factor;
}

fn norm_factor(thread: u32) -> f32 {
  return inverseSqrt(reduce_lanes(vec4(squares), thread).x / f32(params.cols) + params.eps);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) grid: vec3u,
        @builtin(local_invocation_index) thread: u32) {
  let outputs_per_thread = select(4u, 2u, SWIGLU);
  let task = task_of(wid.y * grid.x + wid.x, 64 / LANES * outputs_per_thread);
  let first = (task.group * (64 / LANES) + thread / LANES) * outputs_per_thread;
  let lane = thread % LANES;
  if (NORM == 2) {
    for (var at = lane; at < params.cols / 4; at += LANES) { squares += dot(x[at], x[at]); }
    factor = norm_factor(thread);
  }
  var sums = vec4(0.0);
  var found = false;
  for (var part = task.part; part < task.end; part++) {
    if (!find(part)) { continue; }
    found = true;
    sums += products(rows_from(first), lane);
  }
  if (!found) { return; }
  var total = reduce_lanes(sums, thread);
  if (NORM == 1) { total *= norm_factor(thread); }
  if (lane == 0) { finish_rows(first, task.part, total); }
}
