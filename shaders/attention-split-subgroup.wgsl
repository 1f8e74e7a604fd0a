// attention-split by shuffles, for software adapters: the same partial results, without a barrier.
//
// A CPU computes a register of lanes in an instruction, but loads them one by one: on lavapipe a load of 16 bytes per lane
// costs as much as 60 multiply-adds, wherever the bytes lie, and one that all lanes share costs no less. A shuffle
// costs as much as one. So nothing is loaded twice. A workgroup is one subgroup, for one key-value head, a piece of
// keys and up to HEADS query heads. Scores: a thread has a key, and every thread in turn hands the others its query.
// Values: a thread has COLUMNS fours of dimensions, holds their sums for all heads, and is handed two keys' weights at
// a time. Lavapipe unrolls the loops over sums, so that these are registers, as long as a turn is short: one key at a
// time is a tenth faster there, and four are slower by that. SwiftShader keeps arrays in memory, and a turn of a loop
// costs it 30 ns: for it nothing but the sums is an array, heads are not a loop, and four keys would be faster still.
override LANES: u32 = 8;   // the adapter's only subgroup size, even
override HEADS: u32 = 5;   // query heads per workgroup, at most 8 and LANES
override COLUMNS: u32 = 4; // fours of dimensions per thread: LANES * COLUMNS * 4 >= head_dim; at most 64 / HEADS

@group(0) @binding(4) var<storage, read_write> partials: array<f32>; // [num_heads, max_partials, head_dim + 2]
var<private> sums: array<vec4<f32>, 64>;                              // [COLUMNS, HEADS]

// Of four heads. [head]
struct Heads {
  scores: vec4<f32>,  // of this thread's key, then its weights
  highest: vec4<f32>, // of all threads
  weight: vec4<f32>,  // of this thread's keys
  rescale: vec4<f32>, // for the sums before the newest keys
}

// The query of a head, which a lane holds, times this thread's key, added to `sum`.
fn scored(query: vec4<f32>, head: u32, key: vec4<f32>, sum: f32) -> f32 {
  if (head >= HEADS) { return sum; }
  return dot_add(subgroupShuffle(query, head), key, sum);
}

// Heads from `first`.
fn all_scored(query: vec4<f32>, first: u32, key: vec4<f32>, sums: vec4<f32>) -> vec4<f32> {
  return vec4(scored(query, first, key, sums.x), scored(query, first + 1, key, sums.y),
              scored(query, first + 2, key, sums.z), scored(query, first + 3, key, sums.w));
}

fn softened(heads: Heads, products: vec4<f32>, is_key: bool) -> Heads {
  let scores = select(vec4(LOWEST), products * params.scale, is_key);
  let highest = max(heads.highest, subgroupMax(scores));
  let rescale = exp(heads.highest - highest);
  let weights = exp(scores - highest);
  return Heads(weights, highest, heads.weight * rescale + weights, rescale);
}

fn scale(at: u32, head: u32, factor: f32) {
  if (head < HEADS) { sums[at + head] *= factor; }
}

fn scale_all(at: u32, first: u32, factors: vec4<f32>) {
  scale(at, first, factors.x);
  scale(at, first + 1, factors.y);
  scale(at, first + 2, factors.z);
  scale(at, first + 3, factors.w);
}

fn add(at: u32, head: u32, first: f32, second: f32, values: mat2x4<f32>) {
  if (head < HEADS) { sums[at + head] = fma(vec4(first), values[0], fma(vec4(second), values[1], sums[at + head])); }
}

// Two values by the heads' weights of their keys.
fn add_all(at: u32, head: u32, first: vec4<f32>, second: vec4<f32>, values: mat2x4<f32>) {
  add(at, head, first.x, second.x, values);
  add(at, head + 1, first.y, second.y, values);
  add(at, head + 2, first.z, second.z, values);
  add(at, head + 3, first.w, second.w, values);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  let dim4 = params.head_dim / 4;
  let group = params.num_heads / params.num_kv_heads;
  let kv_head = wid.x;
  let first_head = kv_head * group + wid.y * HEADS;
  let num_heads = min(HEADS, group - wid.y * HEADS); // the last workgroup of a group may have fewer
  let begin = wid.z * params.piece;
  let end = min(visible(0), begin + params.piece);
  if (begin >= end) { return; } // uniform: position, first and piece are
  let own_query = query_from(0, first_head + min(lane, num_heads - 1));
  var a = Heads(vec4(0.0), vec4(LOWEST), vec4(0.0), vec4(0.0)); // heads 0 .. 3
  var b = a;                                                    // heads 4 .. 7
  for (var tile = begin; tile < end; tile += LANES) {
    let count = min(LANES, end - tile);
    let key_at = key_from(tile + min(lane, count - 1), kv_head);
    var products_a = vec4(0.0);
    var products_b = vec4(0.0);
    for (var i = 0u; i < dim4; i++) {
      let query = qkv[own_query + i];
      let key = kv_at(key_at + i);
      products_a = all_scored(query, 0, key, products_a);
      products_b = all_scored(query, 4, key, products_b);
    }
    a = softened(a, products_a, lane < count);
    if (HEADS > 4) { b = softened(b, products_b, lane < count); }
    for (var c = 0u; c < COLUMNS; c++) {
      scale_all(HEADS * c, 0, a.rescale);
      scale_all(HEADS * c, 4, b.rescale);
    }
    for (var key = 0u; key < count; key += 2) { // LANES is even, and lanes beyond `count` have no weight
      let first_a = subgroupShuffle(a.scores, key);
      let second_a = subgroupShuffle(a.scores, key + 1);
      let first_b = subgroupShuffle(b.scores, key);
      let second_b = subgroupShuffle(b.scores, key + 1);
      let first_at = key_from(params.slots + tile + key, kv_head);
      let second_at = key_from(params.slots + tile + min(key + 1, count - 1), kv_head);
      for (var c = 0u; c < COLUMNS; c++) {
        let column = min(c * LANES + lane, dim4 - 1);
        let values = mat2x4<f32>(kv_at(first_at + column), kv_at(second_at + column));
        add_all(HEADS * c, 0, first_a, second_a, values);
        add_all(HEADS * c, 4, first_b, second_b, values);
      }
    }
  }
  let whole_a = subgroupAdd(a.weight);
  let whole_b = subgroupAdd(b.weight);
  for (var head = 0u; head < num_heads; head++) {
    let to = ((first_head + head) * params.max_partials + params.partial + wid.z) * (params.head_dim + 2);
    for (var c = 0u; c < COLUMNS; c++) {
      let column = c * LANES + lane;
      if (column >= dim4) { break; }
      let sum = sums[HEADS * c + head];
      for (var i = 0u; i < 4; i++) { partials[to + 4 * column + i] = sum[i]; }
    }
    if (lane == 0) {
      partials[to + params.head_dim] = select(a.highest[head & 3], b.highest[head & 3], head >= 4);
      partials[to + params.head_dim + 1] = select(whole_a[head & 3], whole_b[head & 3], head >= 4);
    }
  }
}
