// What the ways to compute attention have in common: the queries, the keys and values of a region, who sees which of
// them. A region is a chunk's, which restarts at each boundary, or a segment of a global layer, of `slots` tokens from
// position `first`. Causality and chunks are bounds of loops, not masks: a row sees the first `visible(row)` keys of a
// region. KV_F16 halves the bytes that a token reads of its context; halves are widened on reading, by a function that
// needs no shader-f16.
override KV_F16: bool = false;

const LOWEST = -3.0e38; // instead of -inf, so that exp(LOWEST - LOWEST) is not NaN

struct Params {
  num_heads: u32,
  num_kv_heads: u32,
  head_dim: u32, // multiple of 4 (KV_F16: of 8), at most 256
  chunked: u32,  // 1: a chunk's region
  first: u32,    // position of slot 0; 0 where chunked
  slots: u32,    // where chunked: the attention chunk
  piece: u32,    // keys per partial result
  partial: u32,  // index of the region's first partial result
  max_partials: u32,
  scale: f32,    // 1 / sqrt(head_dim)
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> state: State;
@group(0) @binding(2) var<storage, read> qkv: array<vec4<f32>>; // [rows, num_heads + 2 * num_kv_heads, head_dim / 4]
@group(0) @binding(3) var<storage, read> kv: array<vec4<u32>>;  // [2, slots, num_kv_heads, head_dim / 4 or 8]

// Keys of the region that a row sees.
fn visible(row: u32) -> u32 {
  let position = state.position + row;
  if (params.chunked == 1) { return position % params.slots + 1; }
  if (position < params.first) { return 0; }
  return min(position - params.first + 1, params.slots);
}

// No later region has keys that a row sees.
fn is_last(row: u32) -> bool {
  return params.chunked == 1 || state.position + row < params.first + params.slots;
}

// Where a head's query begins in `qkv`.
fn query_from(row: u32, head: u32) -> u32 {
  return (row * (params.num_heads + 2 * params.num_kv_heads) + head) * (params.head_dim / 4);
}

// A tile's queries are those of all rows and of the heads that share a key-value head, a row's side by side. Where such
// a query stands among [rows, num_heads]:
fn head_index(query: u32, kv_head: u32) -> u32 {
  let group = params.num_heads / params.num_kv_heads;
  return query / group * params.num_heads + kv_head * group + query % group;
}

// Where what a tile carries from region to region begins: [rows, num_heads, head_dim + 2], as a partial result.
fn carried_at(query: u32, kv_head: u32) -> u32 {
  return head_index(query, kv_head) * (params.head_dim + 2);
}

// Where a key begins, in fours of dimensions; a value begins as the key of `slots` slots later.
fn key_from(slot: u32, kv_head: u32) -> u32 {
  return (slot * params.num_kv_heads + kv_head) * (params.head_dim / 4);
}

fn widen(four: vec2<u32>) -> vec4<f32> {
  return vec4(unpack2x16float(four.x), unpack2x16float(four.y));
}

// Dimensions 4 * at .. 4 * at + 3 of all keys and values.
fn kv_at(at: u32) -> vec4<f32> {
  if (!KV_F16) { return bitcast<vec4<f32>>(kv[at]); }
  let eight = kv[at >> 1];
  return widen(select(eight.xy, eight.zw, (at & 1) == 1));
}

// What one read of 16 bytes gives: four dimensions from 4 * at, and with KV_F16 the next four too.
fn keys_at(at: u32) -> mat2x4<f32> {
  if (!KV_F16) { return mat2x4<f32>(bitcast<vec4<f32>>(kv[at]), vec4<f32>()); }
  let eight = kv[at >> 1];
  return mat2x4<f32>(widen(eight.xy), widen(eight.zw));
}

// a . b + c. Software adapters compute an fma in one instruction where a product and a sum take two.
fn dot_add(a: vec4<f32>, b: vec4<f32>, c: f32) -> f32 {
  return fma(a.x, b.x, fma(a.y, b.y, fma(a.z, b.z, fma(a.w, b.w, c))));
}

// Four values by their weights, added to `sum`. [dimension]
fn weighed(weights: vec4<f32>, values: mat4x4<f32>, sum: vec4<f32>) -> vec4<f32> {
  return fma(vec4(weights.x), values[0], fma(vec4(weights.y), values[1],
         fma(vec4(weights.z), values[2], fma(vec4(weights.w), values[3], sum))));
}
