// Groups a block's tokens by expert for the grouped matmuls: a stable counting sort and a table of tiles of at most 16
// rows, each of one expert. Tiles that are not needed get expert 0xffffffff, which no shard has.
//
//   routes  [rows]        expert and score
//   order   [rows]        token rows, sorted by expert
//   tiles   [num_tiles]   num_tiles = ceil(max_rows / 16) + num_experts, enough for any routing
//
// One workgroup, one thread per expert (in turns above 256), without atomics: equal routings give equal tables.
// No readback: the matmul's grid is the worst case, and workgroups of unused tiles leave at once.
struct Route {
  expert: u32,
  score: f32,
}
struct Tile {
  expert: u32,
  first: u32, // in `order`
  rows: u32,  // at most 16
}
struct Params {
  num_experts: u32, // at most 1024
  num_tiles: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> state: State;
@group(0) @binding(2) var<storage, read> routes: array<Route>;     // [rows]
@group(0) @binding(3) var<storage, read_write> order: array<u32>;  // [rows]
@group(0) @binding(4) var<storage, read_write> tiles: array<Tile>; // [num_tiles]
var<workgroup> counts: array<u32, 1024>;      // tokens of each expert
var<workgroup> first_rows: array<u32, 1024>;  // where each expert begins in `order`
var<workgroup> first_tiles: array<u32, 1024>; // where each expert begins in `tiles`
var<workgroup> used_tiles: u32;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) thread: u32) {
  for (var expert = thread; expert < params.num_experts; expert += 256) {
    var count = 0u;
    for (var row = 0u; row < state.rows; row++) { count += select(0u, 1u, routes[row].expert == expert); }
    counts[expert] = count;
  }
  workgroupBarrier();
  if (thread == 0) {
    var row = 0u;
    var tile = 0u;
    for (var expert = 0u; expert < params.num_experts; expert++) {
      first_rows[expert] = row;
      first_tiles[expert] = tile;
      row += counts[expert];
      tile += (counts[expert] + 15) / 16;
    }
    used_tiles = tile;
  }
  workgroupBarrier();
  for (var expert = thread; expert < params.num_experts; expert += 256) {
    if (counts[expert] == 0) { continue; }
    var at = first_rows[expert];
    for (var row = 0u; row < state.rows; row++) {
      if (routes[row].expert == expert) {
        order[at] = row;
        at++;
      }
    }
    for (var done = 0u; done < counts[expert]; done += 16) {
      tiles[first_tiles[expert] + done / 16] = Tile(expert, first_rows[expert] + done, min(16, counts[expert] - done));
    }
  }
  for (var tile = used_tiles + thread; tile < params.num_tiles; tile += 256) { tiles[tile] = Tile(0xffffffff, 0, 0); }
}
