// softmax(q k^T / sqrt(d)) v over a piece of the keys, as a partial result that attention-merge completes.
//
//   qkv       [rows, num_heads + 2 * num_kv_heads, head_dim]  f32, finished by rope-kv
//   kv        [2, slots, num_kv_heads, head_dim]  f32, or f16 two a u32: a chunk's region, or a global layer's segment
//   partials  [rows, num_heads, max_partials, head_dim + 2]  f32: weighted sum of values, its maximum, its weight
//
// Causality and chunks are bounds, not masks: a row sees the keys of its chunk up to itself (CHUNKED), or the segment's
// keys up to itself. One workgroup per head, row and piece of `piece` keys; piece p of a segment is partial
// (first + p * piece) / piece of the row. CARRY: one piece covers the whole segment and continues the row's only
// partial from the segments before, which costs no memory per segment: for blocks of rows.
// A tile is 128 keys. A thread scores two of them; then the threads form teams of head_dim / 4, a team takes four keys at
// a time and a thread four dimensions of their values; the teams' sums are joined at the end. Shared values are read
// as vec4, and few times: on CPU adapters every access costs the same, workgroup memory or not. KV_F16 halves the bytes
// that a token reads of its context; it is widened on reading, by a function that needs no shader-f16.
override CHUNKED: bool = true;
override CARRY: bool = false;
override KV_F16: bool = false;

const TILE = 128u;
const LOWEST = -3.0e38; // instead of -inf, so that exp(LOWEST - LOWEST) is not NaN

struct Params {
  num_heads: u32,
  num_kv_heads: u32,
  head_dim: u32, // multiple of 4 (KV_F16: of 8), at most 256
  first: u32,    // position of slot 0 (segments), unused where CHUNKED
  slots: u32,    // where CHUNKED: the attention chunk
  piece: u32,    // keys per workgroup
  max_partials: u32,
  scale: f32,    // 1 / sqrt(head_dim)
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> state: State;
@group(0) @binding(2) var<storage, read> qkv: array<vec4<f32>>;         // [rows, heads, head_dim / 4]
@group(0) @binding(3) var<storage, read> kv: array<vec4<u32>>;          // [2, slots, num_kv_heads, head_dim / 4 or 8]
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;    // [rows, num_heads, max_partials, head_dim + 2]
var<workgroup> query: array<vec4<f32>, 64>;
var<workgroup> scores: array<vec4<f32>, 32>; // [TILE / 4], four keys each
var<workgroup> bests: array<vec4<f32>, 4>;
var<workgroup> team_values: array<vec4<f32>, 64>;
var<workgroup> team_weights: array<f32, 64>;

fn widen(four: vec2<u32>) -> vec4<f32> {
  return vec4(unpack2x16float(four.x), unpack2x16float(four.y));
}

// Dimensions 4 * at .. 4 * at + 3 of all keys and values.
fn kv_at(at: u32) -> vec4<f32> {
  if (!KV_F16) { return bitcast<vec4<f32>>(kv[at]); }
  let eight = kv[at >> 1];
  return widen(select(eight.xy, eight.zw, (at & 1) == 1));
}

// What one read of a key adds to its score: its dimensions from 4 * i, eight of them where KV_F16.
fn score(key: u32, i: u32) -> f32 {
  if (!KV_F16) { return dot(query[i], kv_at(key + i)); }
  let eight = kv[(key + i) >> 1];
  return dot(query[i], widen(eight.xy)) + dot(query[i + 1], widen(eight.zw));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = wid.x;
  let row = wid.y;
  let dim4 = params.head_dim / 4;
  let quads = select(1u, 2u, KV_F16); // of dimensions that one read of a key gives
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

  let teams = 64 / dim4;
  let team = lane / dim4; // `teams` and above: left over, without work
  let column = lane % dim4;
  var highest = LOWEST;
  var weight = 0.0; // of this thread's team
  var value = vec4(0.0);
  if (CARRY && params.first > 0) {
    highest = partials[to + params.head_dim];
    if (team == 0) {
      let at = to + 4 * column;
      value = vec4(partials[at], partials[at + 1], partials[at + 2], partials[at + 3]);
      weight = partials[to + params.head_dim + 1];
    }
  }
  workgroupBarrier();
  for (var tile = begin; tile < end; tile += TILE) {
    let count = min(TILE, end - tile);
    // Two keys at once where there are so many, so that a query is read for both; those from `count` on weigh nothing.
    let at0 = ((tile + lane) * params.num_kv_heads + kv_head) * dim4;
    let at1 = at0 + 64 * params.num_kv_heads * dim4;
    var pair = vec2(0.0);
    if (lane + 64 < count) {
      for (var i = 0u; i < dim4; i += quads) { pair += vec2(score(at0, i), score(at1, i)); }
    } else if (lane < count) {
      for (var i = 0u; i < dim4; i += quads) { pair.x += score(at0, i); }
    }
    scores[lane >> 2][lane & 3] = select(LOWEST, pair.x, lane < count);
    scores[16 + (lane >> 2)][lane & 3] = select(LOWEST, pair.y, lane + 64 < count);
    workgroupBarrier();
    if (lane < 4) {
      var best = scores[lane];
      for (var i = 1u; i < 8; i++) { best = max(best, scores[lane + 4 * i]); }
      bests[lane] = best;
    }
    workgroupBarrier();
    let best = max(max(bests[0], bests[1]), max(bests[2], bests[3]));
    let tile_highest = max(highest, max(max(best.x, best.y), max(best.z, best.w)));
    if (lane < TILE / 4) { scores[lane] = exp(scores[lane] - tile_highest); }
    workgroupBarrier();
    let rescale = exp(highest - tile_highest);
    highest = tile_highest;
    weight *= rescale;
    value *= rescale;
    if (team < teams) {
      for (var quad = team; 4 * quad < count; quad += teams) {
        let p = scores[quad];
        weight += dot(p, vec4(1.0));
        let at = ((params.slots + tile + 4 * quad) * params.num_kv_heads + kv_head) * dim4 + column;
        let stride = params.num_kv_heads * dim4;
        value += p.x * kv_at(at) + p.y * kv_at(at + stride) + p.z * kv_at(at + 2 * stride) + p.w * kv_at(at + 3 * stride);
      }
    }
    workgroupBarrier();
  }
  team_values[lane] = value;
  team_weights[lane] = weight;
  workgroupBarrier();
  if (team > 0) { return; }
  for (var other = 1u; other < teams; other++) {
    value += team_values[other * dim4 + column];
    weight += team_weights[other * dim4 + column];
  }
  for (var i = 0u; i < 4; i++) { partials[to + 4 * column + i] = value[i]; }
  if (lane == 0) {
    partials[to + params.head_dim] = highest;
    partials[to + params.head_dim + 1] = weight;
  }
}
