// y = W x for one token, int4 weights: the decode-time projection.
//
//   routes  [1]             the token's expert and score (EXPERT only)
//   blob    [rows, cols]    int4 (shared/int4-weights.wgsl); with EXPERT a shard of `num_experts` such blobs
//   x       [cols]          f32
//   y       [outputs]       f32, from `y_at`
//
// LANES threads share four rows: each reads 16 bytes (32 weights) of every row a step and keeps x in registers for all
// four, so x is loaded once per 128 weights. The zero is subtracted from the nibble, one scale multiplies 32 products.
// Memory-bound: reads rows * cols / 2 bytes of words plus the scales.
// SWIGLU and ADD: shared/product.wgsl.
override LANES: u32 = 8; // power of two, at most 64
override EXPERT: bool = false;

struct Params {
  outputs: u32,
  cols: u32,      // multiple of GROUP_SIZE
  scales_at: u32, // u32 offset in a blob
  zeros_at: u32,  // u32 offset in a blob
  y_at: u32,
  first_expert: u32,
  num_experts: u32,
  expert_stride: u32, // u32 per expert, multiple of 4
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> routes: array<Route>;     // [1]
@group(0) @binding(2) var<storage, read> blob: array<vec4<u32>>;   // [num_experts, rows, cols] int4
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;      // [cols / 4]
@group(0) @binding(4) var<storage, read_write> y: array<f32>;      // [outputs]

fn word_at(at: u32) -> u32 { return blob[at >> 2][at & 3]; }

fn dot8(word: u32, zero: f32, low: vec4<Elem>, high: vec4<Elem>) -> f32 {
  return f32(dot(vec4<Elem>(nibbles_low(word) - zero), low) + dot(vec4<Elem>(nibbles_high(word) - zero), high));
}

// 32 weights of a row, from column 32 * step, times x.
fn dot32(base: u32, row: u32, step: u32, x0: vec4<Elem>, x1: vec4<Elem>, x2: vec4<Elem>, x3: vec4<Elem>,
         x4: vec4<Elem>, x5: vec4<Elem>, x6: vec4<Elem>, x7: vec4<Elem>) -> f32 {
  let index = row * (params.cols / GROUP_SIZE) + step * 32 / GROUP_SIZE;
  let scale = scale_from(word_at(base + params.scales_at + scale_word(index)), index);
  var zero = 8.0;
  if (ASYMMETRIC) {
    let at = (row >> 3) * (params.cols / GROUP_SIZE) + step * 32 / GROUP_SIZE;
    zero = f32((word_at(base + params.zeros_at + at) >> (4 * (row & 7))) & 15);
  }
  let words = blob[(base >> 2) + row * (params.cols / 32) + step];
  return scale * (dot8(words.x, zero, x0, x1) + dot8(words.y, zero, x2, x3)
                + dot8(words.z, zero, x4, x5) + dot8(words.w, zero, x6, x7));
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
  var sums = vec4(0.0); // the four rows are written out: indexing vectors in a loop is slow where it is not unrolled
  for (var step = lane; step < params.cols / 32; step += LANES) {
    let x0 = vec4<Elem>(x[8 * step]);
    let x1 = vec4<Elem>(x[8 * step + 1]);
    let x2 = vec4<Elem>(x[8 * step + 2]);
    let x3 = vec4<Elem>(x[8 * step + 3]);
    let x4 = vec4<Elem>(x[8 * step + 4]);
    let x5 = vec4<Elem>(x[8 * step + 5]);
    let x6 = vec4<Elem>(x[8 * step + 6]);
    let x7 = vec4<Elem>(x[8 * step + 7]);
    sums += vec4(dot32(base, rows.x, step, x0, x1, x2, x3, x4, x5, x6, x7),
                 dot32(base, rows.y, step, x0, x1, x2, x3, x4, x5, x6, x7),
                 dot32(base, rows.z, step, x0, x1, x2, x3, x4, x5, x6, x7),
                 dot32(base, rows.w, step, x0, x1, x2, x3, x4, x5, x6, x7));
  }
  let total = reduce_lanes(sums, thread);
  if (lane != 0) { return; }
  for (var r = 0u; r < outputs_per_thread; r++) {
    if (first + r >= params.outputs) { return; }
    let at = params.y_at + first + r;
    finish(at, total[r], total[r + 2], score);
  }
}
