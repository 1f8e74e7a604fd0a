// y = W x for one token, weights of any packed format: the decode-time projection.
//
//   routes  [1]             the token's expert and score (EXPERT only)
//   blob    [rows, cols]    as a codec, shared/packed-*.wgsl, says; with EXPERT a shard of `num_experts` such blobs
//   x       [cols]          f32
//   y       [outputs]       f32, from `y_at`
//
// As matvec-float: LANES threads share four rows, an octet of each a step, so that neighbouring threads read
// neighbouring words: of a row, a step takes 4 * LANES bytes of 4-bit weights or 8 * LANES of 8-bit ones, and the few
// scales that go with them come from the cache. Each weight is decoded to f32 before it is multiplied, which keeps f16
// products as small as the weights themselves.
// Memory-bound: reads rows * cols * bits / 8 bytes plus the scales. SWIGLU and ADD: shared/product.wgsl.
override LANES: u32 = 8; // power of two, at most 64
override EXPERT: bool = false;

struct Params {
  outputs: u32,
  cols: u32,      // multiple of 8
  scales_at: u32, // u32 offsets in a blob
  zeros_at: u32,
  order_at: u32,
  y_at: u32,
  first_expert: u32,
  num_experts: u32,
  expert_stride: u32, // u32 per expert, multiple of 4
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> routes: array<Route>;     // [1]
@group(0) @binding(2) var<storage, read> blob: array<u32>;         // [num_experts, blob]
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;      // [cols / 4]
@group(0) @binding(4) var<storage, read_write> y: array<f32>;      // [outputs]

fn word_at(at: u32) -> u32 { return blob[at]; }

// 8 weights of a row, from column 8 * step, times x.
fn dot8(base: u32, row: u32, step: u32, low: vec4<Elem>, high: vec4<Elem>) -> f32 {
  let weights = octet(base, row, step);
  return f32(dot(vec4<Elem>(weights[0]), low) + dot(vec4<Elem>(weights[1]), high));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) grid: vec3u,
        @builtin(local_invocation_index) thread: u32) {
  var base = 0u;
  var score = 1.0;
  if (EXPERT) {
    let expert = routes[0].expert - params.first_expert; // wraps below the shard
    if (expert >= params.num_experts) { return; }        // another shard's dispatch has it
    base = expert * params.expert_stride;
    score = routes[0].score;
  }
  let outputs_per_thread = select(4u, 2u, SWIGLU);
  let lane = thread % LANES;
  let rows_end = select(params.outputs, 2 * params.outputs, SWIGLU);
  let first = ((wid.y * grid.x + wid.x) * (64 / LANES) + thread / LANES) * outputs_per_thread;
  // Clamped, so that overhanging threads stay in bounds; they write nothing.
  let rows = min(vec4(row_of(first, 0), row_of(first, 1), row_of(first, 2), row_of(first, 3)), vec4(rows_end - 1));
  var sums = vec4(0.0); // the four rows are written out, as in matvec-int4
  for (var step = lane; step < params.cols / 8; step += LANES) {
    let low = vec4<Elem>(x[2 * step]);
    let high = vec4<Elem>(x[2 * step + 1]);
    sums += vec4(dot8(base, rows.x, step, low, high), dot8(base, rows.y, step, low, high),
                 dot8(base, rows.z, step, low, high), dot8(base, rows.w, step, low, high));
  }
  let total = reduce_lanes(sums, thread);
  if (lane != 0) { return; }
  for (var r = 0u; r < outputs_per_thread; r++) {
    if (first + r >= params.outputs) { return; }
    let at = params.y_at + first + r;
    finish(at, total[r], total[r + 2], score);
  }
}
