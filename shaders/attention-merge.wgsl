// Completes attention: adds a row's partial results, each weighted by exp(its maximum - the highest), and divides.
//
//   partials  [rows, num_heads, max_partials, head_dim + 2]  f32, of which the row's own are read (see attention)
//   y         [rows, num_heads * head_dim]  f32
//
// One workgroup per head and row.
override CHUNKED: bool = true;
override CARRY: bool = false;

const LOWEST = -3.0e38;

struct Params {
  num_heads: u32,
  head_dim: u32,
  chunk: u32, // where CHUNKED: the attention chunk
  piece: u32, // keys per partial
  max_partials: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> state: State;
@group(0) @binding(2) var<storage, read> partials: array<f32>; // [rows, num_heads, max_partials, head_dim + 2]
@group(0) @binding(3) var<storage, read_write> y: array<f32>;  // [rows, num_heads, head_dim]

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  let dim = params.head_dim;
  let position = state.position + wid.y;
  var count = 1u;
  if (!CARRY) {
    count = position / params.piece + 1;
    if (CHUNKED) { count = (position % params.chunk) / params.piece + 1; }
  }
  let to = (wid.y * params.num_heads + wid.x) * dim;
  let from_head = (wid.y * params.num_heads + wid.x) * params.max_partials * (dim + 2);
  var highest = LOWEST;
  for (var i = 0u; i < count; i++) { highest = max(highest, partials[from_head + i * (dim + 2) + dim]); }
  var weight = 0.0;
  for (var i = 0u; i < count; i++) {
    let at = from_head + i * (dim + 2) + dim;
    weight += partials[at + 1] * exp(partials[at] - highest);
  }
  for (var column = lane; column < dim; column += 64) {
    var sum = 0.0;
    for (var i = 0u; i < count; i++) {
      let at = from_head + i * (dim + 2);
      sum += partials[at + column] * exp(partials[at + dim] - highest);
    }
    y[to + column] = sum / weight;
  }
}
