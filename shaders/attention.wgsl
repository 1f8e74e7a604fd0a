// softmax(q k^T / sqrt(d)) v over a piece of the keys, as a partial result that attention-merge completes.
//
//   qkv       [rows, num_heads + 2 * num_kv_heads, head_dim]  f32, finished by rope-kv
//   kv        [2, slots, num_kv_heads, head_dim]  f32: a chunk's region, or one segment of a global layer
//   partials  [rows, num_heads, max_partials, head_dim + 2]  f32: weighted sum of values, its maximum, its weight
//
// Causality and chunks are bounds, not masks: a row sees the keys of its chunk up to itself (CHUNKED), or the segment's
// keys up to itself. One workgroup per head, row and piece of `piece` keys; piece p of a segment is partial
// (first + p * piece) / piece of the row. CARRY: one piece covers the whole segment and continues the row's only
// partial from the segments before, which costs no memory per segment: for blocks of rows.
// A tile is 128 keys: a thread scores two of them, then all threads add values, one or more dimensions each.
override CHUNKED: bool = true;
override CARRY: bool = false;

const TILE = 128u;
const LOWEST = -3.0e38; // instead of -inf, so that exp(LOWEST - LOWEST) is not NaN

struct Params {
  num_heads: u32,
  num_kv_heads: u32,
  head_dim: u32, // multiple of 4, at most 256
  first: u32,    // position of slot 0 (segments), unused where CHUNKED
  slots: u32,    // where CHUNKED: the attention chunk
  piece: u32,    // keys per workgroup
  max_partials: u32,
  scale: f32,    // 1 / sqrt(head_dim)
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> state: State;
@group(0) @binding(2) var<storage, read> qkv: array<vec4<f32>>;         // [rows, heads, head_dim / 4]
@group(0) @binding(3) var<storage, read> kv: array<vec4<f32>>;          // [2, slots, num_kv_heads, head_dim / 4]
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;    // [rows, num_heads, max_partials, head_dim + 2]
var<workgroup> query: array<vec4<f32>, 64>;
var<workgroup> scores: array<f32, TILE>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = wid.x;
  let row = wid.y;
  let dim4 = params.head_dim / 4;
  let position = state.position + row;
  var keys = 0u; // that this row sees in `kv`
  if (CHUNKED) {
    keys = position % params.slots + 1;
  } else if (position >= params.first) {
    keys = min(position - params.first + 1, params.slots);
  }
  let begin = wid.z * params.piece;
  let end = min(keys, begin + params.piece);
  if (begin >= end) { return; } // uniform: position, first and piece are
  var partial = 0u;
  if (!CARRY) {
    partial = wid.z;
    if (!CHUNKED) { partial += params.first / params.piece; }
  }
  let to = ((row * params.num_heads + head) * params.max_partials + partial) * (params.head_dim + 2);
  let kv_head = head / (params.num_heads / params.num_kv_heads);
  let from_query = (row * (params.num_heads + 2 * params.num_kv_heads) + head) * dim4;
  for (var i = lane; i < dim4; i += 64) { query[i] = qkv[from_query + i] * params.scale; }

  var highest = LOWEST;
  var weight = 0.0;
  var value: vec4<f32>; // of dimensions lane, lane + 64, lane + 128, lane + 192
  if (CARRY && params.first > 0) {
    for (var i = 0u; lane + 64 * i < params.head_dim; i++) { value[i] = partials[to + lane + 64 * i]; }
    highest = partials[to + params.head_dim];
    weight = partials[to + params.head_dim + 1];
  }
  workgroupBarrier();
  for (var tile = begin; tile < end; tile += TILE) {
    let count = min(TILE, end - tile);
    for (var key = lane; key < count; key += 64) {
      let at = ((tile + key) * params.num_kv_heads + kv_head) * dim4;
      var score = 0.0;
      for (var i = 0u; i < dim4; i++) { score += dot(query[i], kv[at + i]); }
      scores[key] = score;
    }
    workgroupBarrier();
    var tile_highest = highest;
    for (var key = 0u; key < count; key++) { tile_highest = max(tile_highest, scores[key]); }
    workgroupBarrier();
    for (var key = lane; key < count; key += 64) { scores[key] = exp(scores[key] - tile_highest); }
    workgroupBarrier();
    let rescale = exp(highest - tile_highest);
    highest = tile_highest;
    weight *= rescale;
    value *= rescale;
    for (var key = 0u; key < count; key++) { weight += scores[key]; }
    for (var i = 0u; lane + 64 * i < params.head_dim; i++) {
      let column = lane + 64 * i;
      var sum = 0.0;
      for (var key = 0u; key < count; key++) {
        let at = ((params.slots + tile + key) * params.num_kv_heads + kv_head) * dim4;
        sum += scores[key] * kv[at + (column >> 2)][column & 3];
      }
      value[i] += sum;
    }
    workgroupBarrier();
  }
  for (var i = 0u; lane + 64 * i < params.head_dim; i++) { partials[to + lane + 64 * i] = value[i]; }
  if (lane == 0) {
    partials[to + params.head_dim] = highest;
    partials[to + params.head_dim + 1] = weight;
  }
}
