// attention-tile by shuffles, for software adapters: the same results, without a barrier.
//
// As in attention-split-subgroup, loads are what costs: one of 16 bytes per lane as much as 60 multiply-adds. A thread
// has four queries (a row and a head of a group each), and four or eight lanes side by side share eight keys. For each
// four dimensions a thread loads its queries and its own key, or two, and the keys go round by shuffles: 5 or 6 loads
// become 128 multiply-adds. The sums of the values, too many for registers, are fetched and put back once in eight keys. They lie
// in workgroup memory that no other thread touches, or, with PRIVATE, in the thread's own: lavapipe takes a fifth
// longer with that, but SwiftShader zeroes workgroup memory by unrolled stores, half a second's worth to compile. Nor
// is anything else an array: SwiftShader keeps those in memory, and a turn of a loop costs it 30 ns.
override THREADS: u32 = 8;          // multiple of SHARE, and all in one subgroup or in full ones
override SHARE: u32 = 8;            // lanes that share eight keys: 4 or 8
override PRIVATE: u32 = 0;          // 1: head_dim is at most PRIVATE_SUMS
override SHARED_SUMS: u32 = 1024;   // THREADS * head_dim, which fit 16 KiB; 1 with PRIVATE

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

// A query's products with four keys, added to `scores`. [key]
fn scored(query: vec4<f32>, keys: mat4x4<f32>, scores: vec4<f32>) -> vec4<f32> {
  return vec4(dot_add(query, keys[0], scores.x), dot_add(query, keys[1], scores.y),
              dot_add(query, keys[2], scores.z), dot_add(query, keys[3], scores.w));
}

fn largest(a: vec4<f32>, b: vec4<f32>) -> f32 {
  let most = max(a, b);
  return max(max(most.x, most.y), max(most.z, most.w));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) thread: u32) {
  let dim4 = params.head_dim / 4;
  let group = params.num_heads / params.num_kv_heads;
  let kv_head = wid.x;
  let first_query = wid.y * THREADS * 4;
  let num_queries = state.rows * group;
  let end = visible((min(first_query + THREADS * 4, num_queries) - 1) / group);
  let own = first_query + thread + vec4(0u, 1u, 2u, 3u) * THREADS;
  let queries = min(own, vec4(num_queries - 1));
  let rows = queries / group;
  let heads = kv_head * group + queries % group;
  let query_at = vec4(query_from(rows.x, heads.x), query_from(rows.y, heads.y),
                      query_from(rows.z, heads.z), query_from(rows.w, heads.w));
  let limits = vec4(visible(rows.x), visible(rows.y), visible(rows.z), visible(rows.w));
  var highest = vec4(LOWEST);
  var weight = vec4(0.0);
  if (params.first > 0) {
    for (var r = 0u; r < 4; r++) {
      let start = carried_at(queries[r], kv_head);
      let is_this = vec4(0u, 1u, 2u, 3u) == vec4(r);
      highest = select(highest, vec4(carried[start + params.head_dim]), is_this);
      weight = select(weight, vec4(carried[start + params.head_dim + 1]), is_this);
      for (var i = 0u; i < dim4; i++) {
        let d = start + 4 * i;
        keep_sums(4 * i + r, thread, vec4(carried[d], carried[d + 1], carried[d + 2], carried[d + 3]));
      }
    }
  }
  let lane = thread % SHARE;
  let order_a = vec4(lane) ^ vec4(0u, 1u, 2u, 3u);
  let order_b = vec4(lane) ^ vec4(4u, 5u, 6u, 7u);
  for (var tile = 0u; tile < end; tile += 8) {
    let key_a = key_from(min(tile + lane, end - 1), kv_head);
    let key_b = key_from(min(tile + (lane ^ 4), end - 1), kv_head);
    var a0 = vec4(0.0); // [key]; a and b: the first four keys and the others, 0 to 3: the queries
    var a1 = vec4(0.0);
    var a2 = vec4(0.0);
    var a3 = vec4(0.0);
    var b0 = vec4(0.0);
    var b1 = vec4(0.0);
    var b2 = vec4(0.0);
    var b3 = vec4(0.0);
    for (var i = 0u; i < dim4; i++) {
      let own_key = kv_at(key_a + i);
      let a = handed_round(own_key);
      let b = handed_round(other(own_key, key_b + i));
      let q0 = qkv[query_at.x + i];
      let q1 = qkv[query_at.y + i];
      let q2 = qkv[query_at.z + i];
      let q3 = qkv[query_at.w + i];
      a0 = scored(q0, a, a0);
      a1 = scored(q1, a, a1);
      a2 = scored(q2, a, a2);
      a3 = scored(q3, a, a3);
      b0 = scored(q0, b, b0);
      b1 = scored(q1, b, b1);
      b2 = scored(q2, b, b2);
      b3 = scored(q3, b, b3);
    }
    let at_a = tile + order_a;
    let at_b = tile + order_b;
    let lowest = vec4(LOWEST);
    a0 = select(lowest, a0 * params.scale, at_a < vec4(limits.x));
    a1 = select(lowest, a1 * params.scale, at_a < vec4(limits.y));
    a2 = select(lowest, a2 * params.scale, at_a < vec4(limits.z));
    a3 = select(lowest, a3 * params.scale, at_a < vec4(limits.w));
    b0 = select(lowest, b0 * params.scale, at_b < vec4(limits.x));
    b1 = select(lowest, b1 * params.scale, at_b < vec4(limits.y));
    b2 = select(lowest, b2 * params.scale, at_b < vec4(limits.z));
    b3 = select(lowest, b3 * params.scale, at_b < vec4(limits.w));
    let top = max(highest, vec4(largest(a0, b0), largest(a1, b1), largest(a2, b2), largest(a3, b3)));
    let rescale = exp(highest - top);
    highest = top;
    a0 = exp(a0 - top.x);
    a1 = exp(a1 - top.y);
    a2 = exp(a2 - top.z);
    a3 = exp(a3 - top.w);
    b0 = exp(b0 - top.x);
    b1 = exp(b1 - top.y);
    b2 = exp(b2 - top.z);
    b3 = exp(b3 - top.w);
    let ones = vec4(1.0);
    weight = weight * rescale + vec4(dot(a0 + b0, ones), dot(a1 + b1, ones), dot(a2 + b2, ones), dot(a3 + b3, ones));
    let to_value = params.slots * params.num_kv_heads * dim4;
    for (var i = 0u; i < dim4; i++) {
      let own_value = kv_at(key_a + to_value + i);
      let a = handed_round(own_value);
      let b = handed_round(other(own_value, key_b + to_value + i));
      let at = 4 * i;
      keep_sums(at, thread, weighed(a0, a, weighed(b0, b, sums(at, thread) * rescale.x)));
      keep_sums(at + 1, thread, weighed(a1, a, weighed(b1, b, sums(at + 1, thread) * rescale.y)));
      keep_sums(at + 2, thread, weighed(a2, a, weighed(b2, b, sums(at + 2, thread) * rescale.z)));
      keep_sums(at + 3, thread, weighed(a3, a, weighed(b3, b, sums(at + 3, thread) * rescale.w)));
    }
  }
  for (var r = 0u; r < 4; r++) {
    let query = queries[r];
    // A row that sees nothing comes before this segment and has its result already.
    if (own[r] >= num_queries || limits[r] == 0) { continue; }
    if (is_last(rows[r])) {
      let to = head_index(query, kv_head) * dim4;
      for (var i = 0u; i < dim4; i++) { y[to + i] = sums(4 * i + r, thread) / weight[r]; }
    } else {
      let to = carried_at(query, kv_head);
      for (var d = 0u; d < params.head_dim; d++) { carried[to + d] = sums(d / 4 * 4 + r, thread)[d & 3]; }
      carried[to + params.head_dim] = highest[r];
      carried[to + params.head_dim + 1] = weight[r];
    }
  }
}
