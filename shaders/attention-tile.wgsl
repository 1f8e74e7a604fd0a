// softmax(q k^T / sqrt(d)) v of a block of rows over a region: tiles of 32 queries by 32 keys, softmax as one goes. For
// GPUs, bound by arithmetic.
//
//   qkv      [rows, num_heads + 2 * num_kv_heads, head_dim]  f32, finished by rope-kv
//   kv       [2, slots, num_kv_heads, head_dim]  f32, or f16 two a u32: a chunk's region, or a global layer's segment
//   carried  [rows, num_heads, head_dim + 2]  f32: what a row brings from segment to segment, as a partial result
//   y        [rows, num_heads, head_dim]  f32, of rows that see no later region
//
// A query is a row and a head; those of all rows and of the heads that share a key-value head are numbered, and a
// workgroup takes 32 in turn: no group size leaves threads idle, and a key is read once for six rows of Scout's five
// heads. Loops run from the region's start to what the tile's last row sees; only the last keys are compared. No memory
// grows with the keys. 128 threads each hold 4 queries x 2 keys of scores, then 4 queries x head_dim / 64 fours of
// sums, so that a 16-byte read of workgroup memory feeds about 5 multiply-adds. Operands pass through 8 KiB in slices
// of 32 dimensions (queries and keys) or 16 keys (values of 128 dimensions), read from memory as whole 128-byte lines.
override HEAD_DIM: u32 = 128;
override DIM4: u32 = HEAD_DIM / 4;
override COLUMNS: u32 = 2;   // fours of dimensions per thread: ceil(DIM4 / 16)
override STAGED: u32 = 16;   // values staged at once: a power of two, STAGED * DIM4 <= 512

const THREADS = 128u;
const KEYS = 32u;
const QUERIES = 32u;
const SLICE = 8u;    // fours of dimensions staged at once
const STRIDE = 33u;  // of slices and weights: a power of two would send threads to one bank

@group(0) @binding(4) var<storage, read_write> carried: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4<f32>>; // [rows, num_heads, head_dim / 4]
var<workgroup> staged: array<vec4<f32>, 528>;  // queries, then keys, [SLICE, STRIDE] each; or values [STAGED, DIM4]
var<workgroup> weights: array<vec4<f32>, 264>; // [QUERIES / 4, STRIDE]: of four queries, per key
var<workgroup> bests: array<vec4<f32>, 128>;   // [QUERIES / 4, 16]: of four queries, per thread

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = params.num_heads / params.num_kv_heads;
  let kv_head = wid.x;
  let first_query = wid.y * QUERIES;
  let queries = state.rows * group;
  let end = visible((min(first_query + QUERIES, queries) - 1) / group);
  let quad = lane / 16; // this thread's queries are first_query + 4 * quad ..< + 4
  let column = lane % 16;
  var limit: vec4<u32>;
  for (var q = 0u; q < 4; q++) { limit[q] = visible(min(first_query + 4 * quad + q, queries - 1) / group); }
  var highest = vec4(LOWEST);
  var weight = vec4(0.0);
  var value: array<vec4<f32>, 16>; // [4 queries, COLUMNS]
  let own = first_query + 4 * quad;
  if (params.first > 0) {
    for (var query = own; query < own + 4; query++) { // in at the end of the registers, which have no index
      let from_row = carried_at(min(query, queries - 1), kv_head);
      highest = vec4(highest.yzw, carried[from_row + HEAD_DIM]);
      weight = vec4(weight.yzw, carried[from_row + HEAD_DIM + 1]);
      for (var k = COLUMNS; k < 4 * COLUMNS; k++) { value[k - COLUMNS] = value[k]; }
      for (var c = 0u; c < COLUMNS; c++) {
        let d = from_row + 4 * min(column + 16 * c, DIM4 - 1);
        value[3 * COLUMNS + c] = vec4(carried[d], carried[d + 1], carried[d + 2], carried[d + 3]);
      }
    }
  }
  for (var tile = 0u; tile < end; tile += KEYS) {
    var low = vec4(0.0);  // four queries' scores of key `column`
    var high = vec4(0.0); // and of key column + 16
    for (var slice = 0u; slice < params.head_dim / 4; slice += SLICE) {
      stage_queries(first_query, queries, kv_head, slice, lane);
      stage_keys(tile, end, kv_head, slice, lane);
      workgroupBarrier();
      for (var i = slice; i < min(slice + SLICE, DIM4); i++) {
        let from_query = (i - slice) * STRIDE + 4 * quad;
        let from_key = (i - slice + SLICE) * STRIDE + column;
        let query = mat4x4<f32>(staged[from_query], staged[from_query + 1],
                                staged[from_query + 2], staged[from_query + 3]);
        low += staged[from_key] * query;
        high += staged[from_key + 16] * query;
      }
      workgroupBarrier();
    }
    low = select(vec4(LOWEST), low, vec4(tile + column) < limit);
    high = select(vec4(LOWEST), high, vec4(tile + column + 16) < limit);
    bests[lane] = max(low, high);
    workgroupBarrier();
    var tile_highest = highest;
    for (var i = 0u; i < 16; i++) { tile_highest = max(tile_highest, bests[quad * 16 + i]); }
    weights[quad * STRIDE + column] = exp(low - tile_highest);
    weights[quad * STRIDE + column + 16] = exp(high - tile_highest);
    let rescale = exp(highest - tile_highest);
    highest = tile_highest;
    weight *= rescale;
    for (var q = 0u; q < 4; q++) {
      for (var c = 0u; c < COLUMNS; c++) { value[q * COLUMNS + c] *= rescale[q]; }
    }
    for (var first = tile; first < min(tile + KEYS, end); first += STAGED) {
      stage_values(first, end, kv_head, lane);
      workgroupBarrier();
      for (var key = first; key < min(first + STAGED, end); key++) {
        let p = weights[quad * STRIDE + key - tile];
        weight += p;
        for (var c = 0u; c < COLUMNS; c++) {
          let v = staged[(key - first) * DIM4 + min(column + 16 * c, DIM4 - 1)];
          for (var q = 0u; q < 4; q++) { value[q * COLUMNS + c] += p[q] * v; }
        }
      }
      workgroupBarrier();
    }
  }
  // A turn has the first of what is left, registers having no index: unrolled, software drivers compile it for seconds.
  for (var query = own; query < min(own + 4, queries); query++) {
    let row = query / group;
    let seen = visible(row) > 0; // else the row comes before this segment and has its result already
    for (var c = 0u; c < COLUMNS; c++) {
      let d = column + 16 * c;
      if (seen && d < DIM4) {
        if (is_last(row)) {
          y[head_index(query, kv_head) * DIM4 + d] = value[c] / weight.x;
        } else {
          let to = carried_at(query, kv_head) + 4 * d;
          for (var i = 0u; i < 4; i++) { carried[to + i] = value[c][i]; }
        }
      }
    }
    if (seen && column == 0) {
      let to = carried_at(query, kv_head) + HEAD_DIM;
      carried[to] = highest.x;
      carried[to + 1] = weight.x;
    }
    highest = highest.yzwx;
    weight = weight.yzwx;
    for (var k = COLUMNS; k < 4 * COLUMNS; k++) { value[k - COLUMNS] = value[k]; }
  }
}

// Eight threads read 128 neighbouring bytes of a query. What is read beyond head_dim is something else, and not used.
fn stage_queries(first_query: u32, queries: u32, kv_head: u32, slice: u32, lane: u32) {
  let group = params.num_heads / params.num_kv_heads;
  for (var e = lane; e < QUERIES * SLICE; e += THREADS) {
    let query = min(first_query + e / SLICE, queries - 1);
    let at = query_from(query / group, kv_head * group + query % group) + slice + e % SLICE;
    staged[e % SLICE * STRIDE + e / SLICE] = qkv[at] * params.scale;
  }
}

// As queries; with KV_F16 four threads read 64 bytes. Keys from `end` on are others, which weigh nothing.
fn stage_keys(tile: u32, end: u32, kv_head: u32, slice: u32, lane: u32) {
  let fours = select(1u, 2u, KV_F16); // that one read gives
  let reads = SLICE / fours;
  for (var e = lane; e < KEYS * reads; e += THREADS) {
    let i = e % reads * fours;
    let key = keys_at(key_from(min(tile + e / reads, end - 1), kv_head) + slice + i);
    staged[(SLICE + i) * STRIDE + e / reads] = key[0];
    if (KV_F16) { staged[(SLICE + i + 1) * STRIDE + e / reads] = key[1]; }
  }
}

fn stage_values(first: u32, end: u32, kv_head: u32, lane: u32) {
  let fours = select(1u, 2u, KV_F16);
  let reads = DIM4 / fours;
  for (var e = lane; e < STAGED * reads; e += THREADS) {
    let i = e % reads * fours;
    let value = keys_at(key_from(params.slots + min(first + e / reads, end - 1), kv_head) + i);
    staged[e / reads * DIM4 + i] = value[0];
    if (KV_F16) { staged[e / reads * DIM4 + i + 1] = value[1]; }
  }
}
