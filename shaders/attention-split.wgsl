// softmax(q k^T / sqrt(d)) v of one token over a piece of the keys, as a partial result that attention-merge completes.
// For GPUs, bound by the bytes of keys and values.
//
//   qkv       [1, num_heads + 2 * num_kv_heads, head_dim]  f32, finished by rope-kv
//   kv        [2, slots, num_kv_heads, head_dim]  f32, or f16 two a u32: a chunk's region, or a global layer's segment
//   partials  [num_heads, max_partials, head_dim + 2]  f32: weighted sum of values, its maximum, its weight
//
// One workgroup of 128 per piece of keys and key-value head, for up to HEADS of the query heads that share it: a key
// and a value are read once for all of them, so Scout reads its context once, not five times. 8 heads x 32 pieces of
// 256 keys make 256 workgroups at 8K tokens, while partial results add 1 % to the bytes of f32 keys and values. Keys:
// four threads read 64 neighbouring bytes of one in a step; their parts of a score meet in workgroup memory, which
// needs no subgroups and moves fewer bytes than the keys have. Values: head_dim / 4 threads read a whole one, 16 bytes
// each, four values in flight, and hold that column of all heads' sums in registers.
override HEADS: u32 = 5; // query heads per workgroup, at most 8
override HEAD_DIM: u32 = 128;
override DIM4: u32 = HEAD_DIM / 4;

const THREADS = 128u;
const TILE = 128u; // keys per softmax step
const ROUND = 32u; // keys per step of scores
override TEAMS: u32 = THREADS / DIM4; // groups of DIM4 threads that take values in turn

@group(0) @binding(4) var<storage, read_write> partials: array<f32>;
var<workgroup> queries: array<vec4<f32>, HEADS * DIM4>; // [HEADS, DIM4]
var<workgroup> parts: array<vec4<f32>, HEADS * ROUND>;  // [HEADS, ROUND]: four threads' parts of a score
var<workgroup> weights: array<vec4<f32>, HEADS * 32>;   // [HEADS, TILE / 4]: scores, then their exponentials
var<workgroup> bests: array<vec4<f32>, 32>;             // [8, 4]: maxima of 8 scores of a head
var<workgroup> highest: array<vec2<f32>, HEADS>;        // maximum so far, and what the sums before are worth now
var<workgroup> team_values: array<vec4<f32>, 128>;
var<workgroup> team_weights: array<f32, 128>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = params.num_heads / params.num_kv_heads;
  let kv_head = wid.x;
  let first_head = kv_head * group + wid.y * HEADS;
  let heads = min(HEADS, group - wid.y * HEADS); // the last workgroup of a group may have fewer
  let begin = wid.z * params.piece;
  let end = min(visible(0), begin + params.piece);
  if (begin >= end) { return; } // uniform: position, first and piece are
  for (var i = lane; i < HEADS * DIM4; i += THREADS) {
    queries[i] = qkv[query_from(0, first_head + min(i / DIM4, heads - 1)) + i % DIM4] * params.scale;
  }
  let team = lane / DIM4; // TEAMS and above: left over, without work
  let column = lane % DIM4;
  var own_highest = LOWEST;  // of the head that this thread weighs
  var weight: array<f32, 8>; // of this thread's team
  var value: array<vec4<f32>, 8>;
  for (var tile = begin; tile < end; tile += TILE) {
    let count = min(TILE, end - tile);
    score_tile(kv_head, tile, count, lane);
    own_highest = weigh_tile(own_highest, lane);
    for (var h = 0u; h < HEADS; h++) {
      let rescale = highest[h].y;
      value[h] *= rescale;
      weight[h] *= rescale;
    }
    if (team < TEAMS) {
      let stride = params.num_kv_heads * DIM4;
      for (var quad = team; 4 * quad < count; quad += TEAMS) { // keys from `count` on weigh nothing
        let at = key_from(params.slots + tile + 4 * quad, kv_head) + column;
        let v = mat4x4<f32>(kv_at(at), kv_at(at + stride), kv_at(at + 2 * stride), kv_at(at + 3 * stride));
        for (var h = 0u; h < HEADS; h++) {
          let p = weights[h * 32 + quad];
          value[h] += v * p;
          weight[h] += dot(p, vec4(1.0));
        }
      }
    }
    workgroupBarrier();
  }
  // A turn has the first of what is left, registers having no index: unrolled, software drivers compile it for seconds.
  for (var head = first_head; head < first_head + heads; head++) {
    team_values[lane] = value[0];
    team_weights[lane] = weight[0];
    workgroupBarrier();
    let to = (head * params.max_partials + params.partial + wid.z) * (HEAD_DIM + 2);
    if (lane < DIM4) { join_teams(to, highest[head - first_head].x, lane); }
    workgroupBarrier();
    for (var k = 1u; k < HEADS; k++) {
      weight[k - 1] = weight[k];
      value[k - 1] = value[k];
    }
  }
}

// Scores of a tile's keys into `weights`; those from `count` on are LOWEST.
fn score_tile(kv_head: u32, tile: u32, count: u32, lane: u32) {
  let fours = select(1u, 2u, KV_F16); // that one read of a key gives
  for (var i = lane; i < HEADS * 32; i += THREADS) { weights[i] = vec4(LOWEST); }
  for (var round = 0u; round < count; round += ROUND) {
    let at = key_from(tile + min(round + lane / 4, count - 1), kv_head);
    var sums: array<f32, 8>;
    for (var h = 0u; h < HEADS; h++) { sums[h] = 0; } // said, since lavapipe keeps what the turn before left
    workgroupBarrier(); // `queries` are there; `parts` of the turn before have been read
    for (var i = (lane & 3) * fours; i < DIM4; i += 4 * fours) {
      let key = keys_at(at + i);
      for (var h = 0u; h < HEADS; h++) {
        sums[h] += dot(queries[h * DIM4 + i], key[0]);
        if (KV_F16) { sums[h] += dot(queries[h * DIM4 + i + 1], key[1]); }
      }
    }
    for (var h = 0u; h < HEADS; h++) { parts[h * ROUND + lane / 4][lane & 3] = sums[h]; }
    workgroupBarrier();
    for (var i = lane; i < HEADS * ROUND; i += THREADS) {
      let key = round + i % ROUND;
      if (key < count) { weights[i / ROUND * 32 + key / 4][key & 3] = dot(parts[i], vec4(1.0)); }
    }
  }
  workgroupBarrier();
}

// Scores to weights: sixteen threads have a head, eight scores each. Takes the maximum so far of this thread's head,
// gives the new one.
fn weigh_tile(before: f32, lane: u32) -> f32 {
  let head = lane / 16;
  var now = before;
  if (head < HEADS) {
    let best = max(weights[2 * lane], weights[2 * lane + 1]);
    bests[lane >> 2][lane & 3] = max(max(best.x, best.y), max(best.z, best.w));
  }
  workgroupBarrier();
  if (head < HEADS) {
    let best = max(max(bests[4 * head], bests[4 * head + 1]), max(bests[4 * head + 2], bests[4 * head + 3]));
    now = max(before, max(max(best.x, best.y), max(best.z, best.w)));
    weights[2 * lane] = exp(weights[2 * lane] - now);
    weights[2 * lane + 1] = exp(weights[2 * lane + 1] - now);
    if (lane % 16 == 0) { highest[head] = vec2(now, exp(before - now)); }
  }
  workgroupBarrier();
  return now;
}

// Adds the teams' sums of a head and stores its partial result.
fn join_teams(to: u32, highest: f32, column: u32) {
  var value = team_values[column];
  var weight = team_weights[0];
  for (var team = 1u; team < TEAMS; team++) {
    value += team_values[team * DIM4 + column];
    weight += team_weights[team * DIM4];
  }
  for (var i = 0u; i < 4; i++) { partials[to + 4 * column + i] = value[i]; }
  if (column == 0) {
    partials[to + HEAD_DIM] = highest;
    partials[to + HEAD_DIM + 1] = weight;
  }
}
