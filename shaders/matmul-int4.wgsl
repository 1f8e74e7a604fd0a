// Y = X W^T for a block of tokens, int4 weights: the prefill-time projection, dense or grouped by expert.
//
//   tiles   [grid.y]        which rows each workgroup works on (GROUPED only; see expert-tiles)
//   order   [rows]          token rows sorted by expert (GROUPED only)
//   routes  [rows]          each token's expert and score (GROUPED only)
//   blob    [rows, cols]    int4 (shared/int4-weights.wgsl); with GROUPED a shard of `num_experts` such blobs
//   x       [tokens, cols]  f32
//   y       [tokens, y_cols] f32, from column `y_at`
//
// A workgroup makes 16 tokens x 64 weight rows; a thread 4 x 4 of them in registers, without workgroup memory or
// barriers: 8 weights of 4 rows meet 8 activations of 4 tokens, 128 multiply-adds for 12 loads.
// SWIGLU and ADD as in matvec-int4; each token is written by one thread, since top-1 gives it one expert.
override GROUPED: bool = false;
override SWIGLU: bool = false;
override ADD: bool = false;

struct Tile {
  expert: u32,
  first: u32, // in `order`
  rows: u32,  // at most 16
}
struct Route {
  expert: u32,
  score: f32,
}
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

// The r-th of the four weight rows of a thread whose first output is `first`.
fn row_of(first: u32, r: u32) -> u32 {
  if (SWIGLU) { return first + (r & 1) + (r >> 1) * params.outputs; }
  return first + r;
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
  let first_token = (thread / 16) * 4;
  let first = (wid.x * 16 + thread % 16) * outputs_per_thread;
  if (first_token >= tile.rows || first >= params.outputs) { return; }
  let rows_end = select(params.outputs, 2 * params.outputs, SWIGLU);
  var rows: vec4<u32>;   // weight rows, clamped; overhanging ones are not written
  var tokens: vec4<u32>; // token rows, clamped; overhanging ones are not written
  for (var i = 0u; i < 4; i++) {
    rows[i] = min(row_of(first, i), rows_end - 1);
    let token = tile.first + min(first_token + i, tile.rows - 1);
    if (GROUPED) { tokens[i] = order[token]; } else { tokens[i] = token; }
  }
  let words_per_row = params.cols / 8;
  let groups = params.cols / GROUP_SIZE;
  let x_at = tokens * (params.cols / 4);
  var sums: array<vec4<f32>, 4>; // [weight row][token]
  for (var group = 0u; group < groups; group++) {
    var scales: vec4<f32>;
    var zeros = vec4(8.0);
    for (var r = 0u; r < 4; r++) {
      let index = rows[r] * groups + group;
      scales[r] = scale_from(word_at(base + params.scales_at + scale_word(index)), index);
      if (ASYMMETRIC) {
        let packed = word_at(base + params.zeros_at + (rows[r] >> 3) * groups + group);
        zeros[r] = f32((packed >> (4 * (rows[r] & 7))) & 15);
      }
    }
    // [weight row][token]; spelled out because Dawn on Mesa keeps the last round's value of a bare `var` in a loop
    var group_sums = array<vec4<f32>, 4>();
    for (var word = group * (GROUP_SIZE / 8); word < (group + 1) * (GROUP_SIZE / 8); word++) {
      var low: array<vec4<Elem>, 4>;  // [token]
      var high: array<vec4<Elem>, 4>; // [token]
      for (var t = 0u; t < 4; t++) {
        low[t] = vec4<Elem>(x[x_at[t] + 2 * word]);
        high[t] = vec4<Elem>(x[x_at[t] + 2 * word + 1]);
      }
      for (var r = 0u; r < 4; r++) {
        let packed = word_at(base + rows[r] * words_per_row + word);
        let w0 = vec4<Elem>(nibbles_low(packed) - zeros[r]);
        let w1 = vec4<Elem>(nibbles_high(packed) - zeros[r]);
        for (var t = 0u; t < 4; t++) { group_sums[r][t] += f32(dot(w0, low[t]) + dot(w1, high[t])); }
      }
    }
    for (var r = 0u; r < 4; r++) { sums[r] += scales[r] * group_sums[r]; }
  }
  for (var t = 0u; t < min(4, tile.rows - first_token); t++) {
    var score = 1.0;
    if (GROUPED) { score = routes[tokens[t]].score; }
    for (var r = 0u; r < min(outputs_per_thread, params.outputs - first); r++) {
      let at = tokens[t] * params.y_cols + params.y_at + first + r;
      var value = sums[r][t];
      if (SWIGLU) { value = swiglu(score * value, score * sums[r + 2][t]); }
      if (ADD) { value += y[at]; }
      y[at] = value;
    }
  }
}
