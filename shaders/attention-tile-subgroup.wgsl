// attention-tile by shuffles, for software adapters: the same results, without a barrier.
//
// As in attention-split-subgroup, loads are what costs: one of 16 bytes per lane as much as 60 multiply-adds. A thread
// has four queries (a row and a head of a group each), and four or eight lanes side by side share eight keys. For each
// four dimensions a thread loads its queries and its own key, or two, and the keys go round by shuffles: 5 or 6 loads
// become 128 multiply-adds. The sums of the values, too many for registers, are fetched and put back once in eight
// keys. They lie in workgroup memory that no other thread touches, or, with PRIVATE, in the thread's own: lavapipe
// takes a fifth longer with that, but SwiftShader zeroes workgroup memory by unrolled stores, half a second's worth to
// compile. Nothing else is an array: SwiftShader keeps those in memory, and a turn of a loop costs it 30 ns.
override THREADS: u32 = 8;             // 4 or a multiple of 8, and all in one subgroup or in full ones
override SHARE: u32 = min(THREADS, 8); // lanes that share eight keys
override PRIVATE: u32 = 0;             // 1: head_dim is at most PRIVATE_SUMS
override SHARED_SUMS: u32 = 1024;      // THREADS * head_dim, which fit 16 KiB; 1 with PRIVATE

const PRIVATE_SUMS = 128u;

@group(0) @binding(4) var<storage, read_write> carried: array<f32>; // [rows, num_heads, head_dim + 2]
@group(0) @binding(5) var<storage, read_write> y: array<vec4<f32>>; // [rows, num_heads, head_dim / 4]
var<workgroup> shared_sums: array<vec4<f32>, SHARED_SUMS>;           // [head_dim / 4, 4 queries, THREADS]
var<private> private_sums: array<vec4<f32>, PRIVATE_SUMS>;           // [head_dim / 4, 4 queries]

fn sums(at: u32, thread: u32) -> vec4<f32> {
  if (PRIVATE == 1) { return private_sums[at]; }
  return shared_sums[at * THREADS + thread];
}

fn keep_sums(at: u32, thread: u32, value: vec4<f32>) {
  if (PRIVATE == 1) { private_sums[at] = value; } else { shared_sums[at * THREADS + thread] = value; }
}

// What four lanes have, the own first: column j is that of lane ^ j.
fn handed_round(own: vec4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(own, subgroupShuffleXor(own, 1), subgroupShuffleXor(own, 2), subgroupShuffleXor(own, 3));
}

// What the other four keys have there: the lanes ^ 4 hold it, or it is loaded.
fn other(own: vec4<f32>, at: u32) -> vec4<f32> {
  if (SHARE == 8) { return subgroupShuffleXor(own, 4); }
  return kv_at(at);
}

// A query's, by key: of four lanes and of the others.
struct Scores {
  a: vec4<f32>,
  b: vec4<f32>,
}

fn products(query: vec4<f32>, keys: mat4x4<f32>, sums: vec4<f32>) -> vec4<f32> {
  return vec4(dot_add(query, keys[0], sums.x), dot_add(query, keys[1], sums.y),
              dot_add(query, keys[2], sums.z), dot_add(query, keys[3], sums.w));
}

fn scored(query: vec4<f32>, a: mat4x4<f32>, b: mat4x4<f32>, sums: Scores) -> Scores {
  return Scores(products(query, a, sums.a), products(query, b, sums.b));
}

// `first`: the keys of .a; those of .b are the other four.
fn masked(sums: Scores, first: vec4<u32>, limit: u32) -> Scores {
  return Scores(select(vec4(LOWEST), sums.a * params.scale, first < vec4(limit)),
                select(vec4(LOWEST), sums.b * params.scale, (first ^ vec4(4u)) < vec4(limit)));
}

fn largest(scores: Scores) -> f32 {
  let most = max(scores.a, scores.b);
  return max(max(most.x, most.y), max(most.z, most.w));
}

fn weights(scores: Scores, top: f32) -> Scores { return Scores(exp(scores.a - top), exp(scores.b - top)); }

fn total(weights: Scores) -> f32 { return dot(weights.a + weights.b, vec4(1.0)); }

fn add(at: u32, thread: u32, rescale: f32, weights: Scores, a: mat4x4<f32>, b: mat4x4<f32>) {
  keep_sums(at, thread, weighed(weights.a, a, weighed(weights.b, b, sums(at, thread) * rescale)));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) thread: u32) {
  let dim4 = params.head_dim / 4;
  let group = params.num_heads / params.num_kv_heads;
  let kv_head = wid.x;
  let first_query = wid.y * THREADS * 4;
  let num_queries = state.rows * group;
  let end = visible((min(first_query + THREADS * 4, num_queries) - 1) / group);
  let own = first_query + thread + THREADS * vec4(0u, 1u, 2u, 3u);
  let queries = min(own, vec4(num_queries - 1));
  let rows = queries / group;
  let heads = kv_head * group + queries % group;
  let query_at = (rows * (params.num_heads + 2 * params.num_kv_heads) + heads) * dim4; // as query_from
  let limits = vec4(visible(rows.x), visible(rows.y), visible(rows.z), visible(rows.w));
  var highest = vec4(LOWEST);
  var weight = vec4(0.0);
  if (params.first > 0) {
    for (var r = 0u; r < 4; r++) {
      let start = carried_at(queries[r], kv_head);
      highest[r] = carried[start + params.head_dim];
      weight[r] = carried[start + params.head_dim + 1];
      for (var i = 0u; i < dim4; i++) {
        let d = start + 4 * i;
        keep_sums(4 * i + r, thread, vec4(carried[d], carried[d + 1], carried[d + 2], carried[d + 3]));
      }
    }
  }
  let lane = thread % SHARE;
  let order = vec4(lane) ^ vec4(0u, 1u, 2u, 3u);
  for (var tile = 0u; tile < end; tile += 8) {
    let key_a = key_from(min(tile + lane, end - 1), kv_head);
    let key_b = key_from(min(tile + (lane ^ 4), end - 1), kv_head);
    var s0 = Scores();
    var s1 = Scores();
    var s2 = Scores();
    var s3 = Scores();
    for (var i = 0u; i < dim4; i++) {
      let own_key = kv_at(key_a + i);
      let a = handed_round(own_key);
      let b = handed_round(other(own_key, key_b + i));
      s0 = scored(qkv[query_at.x + i], a, b, s0);
      s1 = scored(qkv[query_at.y + i], a, b, s1);
      s2 = scored(qkv[query_at.z + i], a, b, s2);
      s3 = scored(qkv[query_at.w + i], a, b, s3);
    }
    s0 = masked(s0, tile + order, limits.x);
    s1 = masked(s1, tile + order, limits.y);
    s2 = masked(s2, tile + order, limits.z);
    s3 = masked(s3, tile + order, limits.w);
    let top = max(highest, vec4(largest(s0), largest(s1), largest(s2), largest(s3)));
    let rescale = exp(highest - top);
    highest = top;
    s0 = weights(s0, top.x);
    s1 = weights(s1, top.y);
    s2 = weights(s2, top.z);
    s3 = weights(s3, top.w);
    weight = weight * rescale + vec4(total(s0), total(s1), total(s2), total(s3));
    let to_value = params.slots * params.num_kv_heads * dim4;
    for (var i = 0u; i < dim4; i++) {
      let own_value = kv_at(key_a + to_value + i);
      let a = handed_round(own_value);
      let b = handed_round(other(own_value, key_b + to_value + i));
      add(4 * i, thread, rescale.x, s0, a, b);
      add(4 * i + 1, thread, rescale.y, s1, a, b);
      add(4 * i + 2, thread, rescale.z, s2, a, b);
      add(4 * i + 3, thread, rescale.w, s3, a, b);
    }
  }
  for (var r = 0u; r < 4; r++) {
    // A row that sees nothing comes before this segment and has its result already.
    if (own[r] >= num_queries || limits[r] == 0) { continue; }
    if (is_last(rows[r])) {
      let to = head_index(queries[r], kv_head) * dim4;
      for (var i = 0u; i < dim4; i++) { y[to + i] = sums(4 * i + r, thread) / weight[r]; }
    } else {
      let to = carried_at(queries[r], kv_head);
      for (var d = 0u; d < params.head_dim; d++) { carried[to + d] = sums(d / 4 * 4 + r, thread)[d & 3]; }
      carried[to + params.head_dim] = highest[r];
      carried[to + params.head_dim + 1] = weight[r];
    }
  }
}
