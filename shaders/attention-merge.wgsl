// Completes a token's attention: adds its partial results, each worth exp(its maximum - the highest), and divides.
//
//   partials  [num_heads, max_partials, head_dim + 2]  f32, of which the token's own are read (see attention-split)
//   y         [num_heads * head_dim]  f32
//
// One workgroup per head.
const THREADS = 64u;
const LOWEST = -3.0e38;

struct Params {
  num_heads: u32,
  head_dim: u32, // at most 256
  chunk: u32,    // the attention chunk; 0: not chunked
  piece: u32,    // keys per partial
  max_partials: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> state: State;
@group(0) @binding(2) var<storage, read> partials: array<f32>; // [num_heads, max_partials, head_dim + 2]
@group(0) @binding(3) var<storage, read_write> y: array<f32>;  // [num_heads, head_dim]

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  let dim = params.head_dim;
  var position = state.position;
  if (params.chunk > 0) { position %= params.chunk; }
  let first = wid.x * params.max_partials * (dim + 2);
  let end = first + (position / params.piece + 1) * (dim + 2);
  var highest = LOWEST;
  for (var at = first; at < end; at += dim + 2) { highest = max(highest, partials[at + dim]); }
  var weight = 0.0;
  var sums = vec4(0.0); // of columns lane, lane + 64, ...
  for (var at = first; at < end; at += dim + 2) {
    let share = exp(partials[at + dim] - highest);
    weight += share * partials[at + dim + 1];
    for (var c = 0u; c < 4; c++) {
      if (lane + c * THREADS < dim) { sums[c] += share * partials[at + lane + c * THREADS]; }
    }
  }
  for (var c = 0u; c < 4; c++) {
    if (lane + c * THREADS < dim) { y[wid.x * dim + lane + c * THREADS] = sums[c] / weight; }
  }
}
