// attention-tile by shuffles, for software adapters: the same results, without a barrier.
//
// As in attention-split-subgroup, loads are what costs: one of 16 bytes per lane as much as 60 multiply-adds. A
// workgroup is one subgroup with QUERIES queries (a row and a head of a group) per thread. For each four dimensions a
// thread loads its queries and one key, and the keys go round by shuffles: 5 loads become 128 multiply-adds. The
// sums of the values, too many for registers, are fetched and put back once in LANES keys. They lie in workgroup memory
// that no other thread touches, or, with PRIVATE, in the thread's own: lavapipe takes a fifth longer with that, but
// SwiftShader zeroes workgroup memory by unrolled stores, half a second's worth to compile, and computes faster too.
override LANES: u32 = 8;    // the adapter's only subgroup size
override QUERIES: u32 = 4;  // per thread, at most 4 and 32 / LANES
override PRIVATE: u32 = 0;  // 1: QUERIES * head_dim / 4 is at most PRIVATE_SUMS
override SHARED_SUMS: u32 = 1024; // LANES * QUERIES * head_dim / 4, which fit 16 KiB; 1 with PRIVATE

const PRIVATE_SUMS = 128u;

@group(0) @binding(4) var<storage, read_write> carried: array<f32>; // [rows, num_heads, head_dim + 2]
@group(0) @binding(5) var<storage, read_write> y: array<vec4<f32>>; // [rows, num_heads, head_dim / 4]
var<workgroup> shared_sums: array<vec4<f32>, SHARED_SUMS>;           // [QUERIES, head_dim / 4, LANES]
var<private> private_sums: array<vec4<f32>, PRIVATE_SUMS>;           // [QUERIES, head_dim / 4]

fn sums(at: u32, lane: u32) -> vec4<f32> {
  if (PRIVATE == 1) { return private_sums[at]; }
  return shared_sums[at * LANES + lane];
}

fn keep_sums(at: u32, lane: u32, value: vec4<f32>) {
  if (PRIVATE == 1) { private_sums[at] = value; } else { shared_sums[at * LANES + lane] = value; }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  let dim4 = params.head_dim / 4;
  let group = params.num_heads / params.num_kv_heads;
  let kv_head = wid.x;
  let first_query = wid.y * LANES * QUERIES;
  let queries = state.rows * group;
  let end = visible((min(first_query + LANES * QUERIES, queries) - 1) / group);
  var query_at: array<u32, 4>;
  var limit: array<u32, 4>;
  var highest: array<f32, 4>;
  var weight: array<f32, 4>;
  for (var r = 0u; r < QUERIES; r++) {
    let query = min(first_query + r * LANES + lane, queries - 1);
    query_at[r] = query_from(query / group, kv_head * group + query % group);
    limit[r] = visible(query / group);
    highest[r] = LOWEST;
  }
  if (params.first > 0) {
    // Rows go in at the end of the arrays; loops like this one are not unrolled, for the driver's sake.
    for (var i = lane; i < LANES * QUERIES; i += LANES) {
      let from_row = carried_at(min(first_query + i, queries - 1), kv_head);
      for (var r = 1u; r < QUERIES; r++) {
        highest[r - 1] = highest[r];
        weight[r - 1] = weight[r];
      }
      highest[QUERIES - 1] = carried[from_row + params.head_dim];
      weight[QUERIES - 1] = carried[from_row + params.head_dim + 1];
      for (var column = 0u; column < dim4; column++) {
        let d = from_row + 4 * column;
        let value = vec4(carried[d], carried[d + 1], carried[d + 2], carried[d + 3]);
        keep_sums(i / LANES * dim4 + column, lane, value);
      }
    }
  }
  for (var tile = 0u; tile < end; tile += LANES) {
    let key_at = key_from(min(tile + lane, end - 1), kv_head);
    var p: array<f32, 32>; // [QUERIES, LANES]; with this thread's queries, key tile + (lane ^ j)
    for (var k = 0u; k < QUERIES * LANES; k++) { p[k] = 0; } // said, since lavapipe keeps what the turn before left
    for (var i = 0u; i < dim4; i++) {
      var query: array<vec4<f32>, 4>;
      for (var r = 0u; r < QUERIES; r++) { query[r] = qkv[query_at[r] + i]; }
      let own = kv_at(key_at + i);
      for (var j = 0u; j < LANES; j++) {
        let key = subgroupShuffleXor(own, j);
        for (var r = 0u; r < QUERIES; r++) { p[r * LANES + j] = dot_add(query[r], key, p[r * LANES + j]); }
      }
    }
    var rescale: array<f32, 4>;
    for (var r = 0u; r < QUERIES; r++) {
      var tile_highest = highest[r];
      for (var j = 0u; j < LANES; j++) {
        p[r * LANES + j] = select(LOWEST, p[r * LANES + j] * params.scale, tile + (lane ^ j) < limit[r]);
        tile_highest = max(tile_highest, p[r * LANES + j]);
      }
      rescale[r] = exp(highest[r] - tile_highest);
      highest[r] = tile_highest;
      weight[r] *= rescale[r];
      for (var j = 0u; j < LANES; j++) {
        p[r * LANES + j] = exp(p[r * LANES + j] - tile_highest);
        weight[r] += p[r * LANES + j];
      }
    }
    let value_at = key_at + params.slots * params.num_kv_heads * dim4;
    for (var i = 0u; i < dim4; i++) {
      var value: array<vec4<f32>, 4>;
      for (var r = 0u; r < QUERIES; r++) { value[r] = sums(r * dim4 + i, lane) * rescale[r]; }
      let own = kv_at(value_at + i);
      for (var j = 0u; j < LANES; j++) {
        let v = subgroupShuffleXor(own, j);
        for (var r = 0u; r < QUERIES; r++) { value[r] = fma(vec4(p[r * LANES + j]), v, value[r]); }
      }
      for (var r = 0u; r < QUERIES; r++) { keep_sums(r * dim4 + i, lane, value[r]); }
    }
  }
  for (var i = lane; i < min(queries - first_query, LANES * QUERIES); i += LANES) {
    let query = first_query + i;
    let from_value = i / LANES * dim4;
    let row = query / group;
    let seen = visible(row) > 0; // else the row comes before this segment and has its result already
    if (seen && is_last(row)) {
      let to = head_index(query, kv_head) * dim4;
      for (var column = 0u; column < dim4; column++) {
        y[to + column] = sums(from_value + column, lane) / weight[0];
      }
    } else if (seen) {
      let to = carried_at(query, kv_head);
      for (var d = 0u; d < params.head_dim; d++) { carried[to + d] = sums(from_value + (d >> 2), lane)[d & 3]; }
      carried[to + params.head_dim] = highest[0];
      carried[to + params.head_dim + 1] = weight[0];
    }
    for (var r = 1u; r < QUERIES; r++) {
      highest[r - 1] = highest[r];
      weight[r - 1] = weight[r];
    }
  }
}
