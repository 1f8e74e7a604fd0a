// attention-split by shuffles, for software adapters: the same partial results, without a barrier.
//
// A CPU computes eight lanes in an instruction, but loads them one by one: on lavapipe a load of 16 bytes per lane
// costs as much as 60 multiply-adds, wherever the bytes lie, and one that all lanes share costs no less. A shuffle
// costs as much as one. So nothing is loaded twice. A workgroup is one subgroup, for one key-value head, a piece of
// keys and up to HEADS query heads. Scores: a thread has a key, and every thread in turn hands the others its query.
// Values: a thread has COLUMNS fours of dimensions, holds their sums for all heads in registers, and is handed each
// key's weights. What a driver unrolls it compiles for seconds, so only loops over registers have bounds that it knows,
// and results leave the registers through the first one.
override LANES: u32 = 8;   // the adapter's only subgroup size
override HEADS: u32 = 5;   // query heads per workgroup, at most 8 and LANES
override COLUMNS: u32 = 4; // fours of dimensions per thread: LANES * COLUMNS * 4 >= head_dim; at most 64 / HEADS

@group(0) @binding(4) var<storage, read_write> partials: array<f32>; // [num_heads, max_partials, head_dim + 2]

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  let dim4 = params.head_dim / 4;
  let group = params.num_heads / params.num_kv_heads;
  let kv_head = wid.x;
  let first_head = kv_head * group + wid.y * HEADS;
  let heads = min(HEADS, group - wid.y * HEADS); // the last workgroup of a group may have fewer
  let begin = wid.z * params.piece;
  let end = min(visible(0), begin + params.piece);
  if (begin >= end) { return; } // uniform: position, first and piece are
  let own_query = query_from(0, first_head + min(lane, heads - 1));
  var highest: array<f32, 8>;
  var weight: array<f32, 8>; // of this thread's keys
  var value: array<vec4<f32>, 64>; // [HEADS, COLUMNS]
  for (var h = 0u; h < HEADS; h++) { highest[h] = LOWEST; }
  for (var tile = begin; tile < end; tile += LANES) {
    let count = min(LANES, end - tile);
    let key_at = key_from(tile + min(lane, count - 1), kv_head);
    var p: array<f32, 8>;
    for (var h = 0u; h < HEADS; h++) { p[h] = 0; } // said, since lavapipe keeps what the turn before left
    for (var i = 0u; i < dim4; i++) {
      let query = qkv[own_query + i];
      let key = kv_at(key_at + i);
      for (var h = 0u; h < HEADS; h++) { p[h] = dot_add(subgroupShuffle(query, h), key, p[h]); }
    }
    for (var h = 0u; h < HEADS; h++) {
      let score = select(LOWEST, p[h] * params.scale, lane < count);
      let tile_highest = max(highest[h], subgroupMax(score));
      let rescale = exp(highest[h] - tile_highest);
      highest[h] = tile_highest;
      p[h] = exp(score - tile_highest);
      weight[h] = weight[h] * rescale + p[h];
      for (var c = 0u; c < COLUMNS; c++) { value[h * COLUMNS + c] *= rescale; }
    }
    for (var key = tile; key < tile + count; key++) {
      let value_at = key_from(params.slots + key, kv_head);
      for (var c = 0u; c < COLUMNS; c++) {
        let v = kv_at(value_at + min(c * LANES + lane, dim4 - 1));
        for (var h = 0u; h < HEADS; h++) {
          value[h * COLUMNS + c] = fma(vec4(subgroupShuffle(p[h], key - tile)), v, value[h * COLUMNS + c]);
        }
      }
    }
  }
  for (var head = first_head; head < first_head + heads; head++) {
    let to = (head * params.max_partials + params.partial + wid.z) * (params.head_dim + 2);
    for (var column = lane; column < LANES * COLUMNS; column += LANES) {
      if (column < dim4) {
        for (var i = 0u; i < 4; i++) { partials[to + 4 * column + i] = value[0][i]; }
      }
      for (var k = 1u; k < HEADS * COLUMNS; k++) { value[k - 1] = value[k]; }
    }
    let whole_weight = subgroupAdd(weight[0]);
    if (lane == 0) {
      partials[to + params.head_dim] = highest[0];
      partials[to + params.head_dim + 1] = whole_weight;
    }
    for (var k = 1u; k < HEADS; k++) {
      highest[k - 1] = highest[k];
      weight[k - 1] = weight[k];
    }
  }
}
