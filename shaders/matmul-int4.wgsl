// Y = X W^T for a block of tokens, int4 weights: the prefill-time projection, dense or grouped by expert.
//
//   tiles   [grid.y]        which rows each workgroup works on (GROUPED only; see expert-tiles)
//   order   [rows]          token rows sorted by expert (GROUPED only)
//   routes  [rows]          each token's expert and score (GROUPED only)
//   blob    [rows, cols]    int4 (shared/int4-weights.wgsl); with GROUPED a shard of `num_experts` such blobs
//   x       [tokens, cols]  f32
//   y       [tokens, y_cols] f32, from column `y_at`
//
// A workgroup makes up to 16 tokens x 256 weight rows; a thread four rows, for four tokens at a time in registers, without
// workgroup memory or barriers: 8 weights of 4 rows meet 8 activations of 4 tokens, as vector times matrix. All threads
// of a workgroup read the same activations, one load for all where the driver sees that.
// SWIGLU and ADD: shared/product.wgsl. Each token is written by one thread, since top-1 gives it one expert.
override GROUPED: bool = false;

struct Params {
  outputs: u32,
  cols: u32,      // multiple of GROUP_SIZE
  scales_at: u32, // u32 offset in a blob
  zeros_at: u32,  // u32 offset in a blob
  y_at: u32,
  y_cols: u32,
  first_expert: u32,
  num_experts: u32,
  expert_stride: u32, // u32 per expert, multiple of 4
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> state: State;
@group(0) @binding(2) var<storage, read> tiles: array<Tile>;
@group(0) @binding(3) var<storage, read> order: array<u32>;        // [rows]
@group(0) @binding(4) var<storage, read> routes: array<Route>;     // [rows]
@group(0) @binding(5) var<storage, read> blob: array<vec4<u32>>;   // [num_experts, rows, cols] int4
@group(0) @binding(6) var<storage, read> x: array<vec4<f32>>;      // [tokens, cols / 4]
@group(0) @binding(7) var<storage, read_write> y: array<f32>;      // [tokens, y_cols]

fn word_at(at: u32) -> u32 { return blob[at >> 2][at & 3]; }

fn zero_of(base: u32, row: u32, group: u32) -> f32 {
  if (!ASYMMETRIC) { return 8.0; }
  let word = word_at(base + params.zeros_at + (row >> 3) * (params.cols / GROUP_SIZE) + group);
  return f32((word >> (4 * (row & 7))) & 15);
}

fn scale_of(base: u32, row: u32, group: u32) -> f32 {
  let index = row * (params.cols / GROUP_SIZE) + group;
  return scale_from(word_at(base + params.scales_at + scale_word(index)), index);
}

// 8 weights of a row times the activations of four tokens, one a column: [4].
fn times(word: u32, zero: f32, low: mat4x4<Elem>, high: mat4x4<Elem>) -> vec4<f32> {
  return vec4<f32>(vec4<Elem>(nibbles_low(word) - zero) * low + vec4<Elem>(nibbles_high(word) - zero) * high);
}

fn columns(x_at: vec4<u32>, at: u32) -> mat4x4<Elem> {
  return mat4x4<Elem>(vec4<Elem>(x[x_at.x + at]), vec4<Elem>(x[x_at.y + at]),
                      vec4<Elem>(x[x_at.z + at]), vec4<Elem>(x[x_at.w + at]));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) thread: u32) {
  var tile = Tile(0, wid.y * 16, min(16, state.rows - min(state.rows, wid.y * 16)));
  var base = 0u;
  if (GROUPED) {
    tile = tiles[wid.y];
    let expert = tile.expert - params.first_expert; // wraps below the shard
    if (expert >= params.num_experts) { return; }   // another shard's dispatch has it
    base = expert * params.expert_stride;
  }
  let outputs_per_thread = select(4u, 2u, SWIGLU);
  let first = (wid.x * 64 + thread) * outputs_per_thread;
  if (first >= params.outputs) { return; }
  let rows_end = select(params.outputs, 2 * params.outputs, SWIGLU);
  // Weight rows, clamped; overhanging ones are not written.
  let rows = min(vec4(row_of(first, 0), row_of(first, 1), row_of(first, 2), row_of(first, 3)), vec4(rows_end - 1));
  let steps = params.cols / 32;
  let w_at = (base >> 2) + rows * steps;
  for (var quad = 0u; quad < tile.rows; quad += 4) {
    // Token rows, clamped; overhanging ones are not written.
    var tokens = tile.first + min(quad + vec4(0u, 1u, 2u, 3u), vec4(tile.rows - 1));
    if (GROUPED) { tokens = vec4(order[tokens.x], order[tokens.y], order[tokens.z], order[tokens.w]); }
    let x_at = tokens * (params.cols / 4);
    var total0 = vec4(0.0);
    var total1 = vec4(0.0);
    var total2 = vec4(0.0);
    var total3 = vec4(0.0);
    for (var group = 0u; group < params.cols / GROUP_SIZE; group++) {
      let zeros = vec4(zero_of(base, rows.x, group), zero_of(base, rows.y, group), zero_of(base, rows.z, group), zero_of(base, rows.w, group));
      var sum0 = vec4(0.0);
      var sum1 = vec4(0.0);
      var sum2 = vec4(0.0);
      var sum3 = vec4(0.0);
      for (var step = group * (GROUP_SIZE / 32); step < (group + 1) * (GROUP_SIZE / 32); step++) {
        let words0 = blob[w_at.x + step];
        let words1 = blob[w_at.y + step];
        let words2 = blob[w_at.z + step];
        let words3 = blob[w_at.w + step];
        for (var i = 0u; i < 4; i++) {
          let low = columns(x_at, 8 * step + 2 * i);
          let high = columns(x_at, 8 * step + 2 * i + 1);
          sum0 += times(words0[i], zeros.x, low, high);
          sum1 += times(words1[i], zeros.y, low, high);
          sum2 += times(words2[i], zeros.z, low, high);
          sum3 += times(words3[i], zeros.w, low, high);
        }
      }
      total0 += scale_of(base, rows.x, group) * sum0;
      total1 += scale_of(base, rows.y, group) * sum1;
      total2 += scale_of(base, rows.z, group) * sum2;
      total3 += scale_of(base, rows.w, group) * sum3;
    }
    let sums = array(total0, total1, total2, total3); // [weight row][token]
    for (var t = 0u; t < min(4, tile.rows - quad); t++) {
      var score = 1.0;
      if (GROUPED) { score = routes[tokens[t]].score; }
      for (var r = 0u; r < min(outputs_per_thread, params.outputs - first); r++) {
        let at = tokens[t] * params.y_cols + params.y_at + first + r;
        finish(at, sums[r][t], sums[r + 2][t], score);
      }
    }
  }
}
