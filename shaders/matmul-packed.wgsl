// Y = X W^T for a block of tokens, weights of any packed format: the prefill-time projection, dense or grouped by expert.
//
//   tiles   [grid.y]        which rows each workgroup works on (GROUPED only; see expert-tiles)
//   order   [rows]          token rows sorted by expert (GROUPED only)
//   routes  [rows]          each token's expert and score (GROUPED only)
//   blob    [rows, cols]    as a codec, shared/packed-*.wgsl, says; with GROUPED a shard of `num_experts` such blobs
//   x       [tokens, cols]  f32
//   y       [tokens, y_cols] f32, from column `y_at`
//
// Tiling as in matmul-int4, so a weight is decoded once for four tokens. SWIGLU and ADD: shared/product.wgsl.
override GROUPED: bool = false;

struct Params {
  outputs: u32,
  cols: u32,      // multiple of 8
  scales_at: u32, // u32 offsets in a blob
  zeros_at: u32,
  order_at: u32,
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
@group(0) @binding(5) var<storage, read> blob: array<u32>;         // [num_experts, blob]
@group(0) @binding(6) var<storage, read> x: array<vec4<f32>>;      // [tokens, cols / 4]
@group(0) @binding(7) var<storage, read_write> y: array<f32>;      // [tokens, y_cols]

fn word_at(at: u32) -> u32 { return blob[at]; }

// 8 weights of a row, from column 8 * step, times the activations of four tokens, one a column: [4].
fn times(base: u32, row: u32, step: u32, low: mat4x4<Elem>, high: mat4x4<Elem>) -> vec4<f32> {
  let weights = octet(base, row, step);
  return vec4<f32>(vec4<Elem>(weights[0]) * low + vec4<Elem>(weights[1]) * high);
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
  for (var quad = 0u; quad < tile.rows; quad += 4) {
    // Token rows, clamped; overhanging ones are not written.
    var tokens = tile.first + min(quad + vec4(0u, 1u, 2u, 3u), vec4(tile.rows - 1));
    if (GROUPED) { tokens = vec4(order[tokens.x], order[tokens.y], order[tokens.z], order[tokens.w]); }
    let x_at = tokens * (params.cols / 4);
    var sum0 = vec4(0.0);
    var sum1 = vec4(0.0);
    var sum2 = vec4(0.0);
    var sum3 = vec4(0.0);
    for (var step = 0u; step < params.cols / 8; step++) {
      let low = columns(x_at, 2 * step);
      let high = columns(x_at, 2 * step + 1);
      sum0 += times(base, rows.x, step, low, high);
      sum1 += times(base, rows.y, step, low, high);
      sum2 += times(base, rows.z, step, low, high);
      sum3 += times(base, rows.w, step, low, high);
    }
    let sums = array(sum0, sum1, sum2, sum3); // [weight row][token]
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
