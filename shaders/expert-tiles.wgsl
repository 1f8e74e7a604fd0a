// Groups a block's tokens by expert for the grouped matmuls: a stable counting sort and a table of tiles of at most 32
// rows, each of one expert. Tiles that are not needed get expert 0xffffffff, which no shard has.
//
//   routes  [rows]        expert and score
//   order   [rows]        token rows, sorted by expert
//   tiles   [num_tiles]   num_tiles = ceil(max_rows / 32) + num_experts, enough for any routing
//
// One workgroup, one thread per expert, without atomics: equal routings give equal tables.
// No readback: the matmul's grid is the worst case, and workgroups of unused tiles leave at once.
struct Params {
  num_experts: u32, // at most 256
  num_tiles: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> state: State;
@group(0) @binding(2) var<storage, read> routes: array<Route>;     // [rows]
@group(0) @binding(3) var<storage, read_write> order: array<u32>;  // [rows]
@group(0) @binding(4) var<storage, read_write> tiles: array<Tile>; // [num_tiles]
var<workgroup> counts: array<u32, 256>; // tokens of each expert

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) expert: u32) {
  var count = 0u;
  for (var row = 0u; row < state.rows; row++) { count += select(0u, 1u, routes[row].expert == expert); }
  counts[expert] = count;
  workgroupBarrier();
  var first_row = 0u;  // where this expert begins in `order`
  var first_tile = 0u; // and in `tiles`
  var used_tiles = 0u;
  for (var other = 0u; other < params.num_experts; other++) {
    let other_tiles = (counts[other] + TILE_ROWS - 1) / TILE_ROWS;
    first_row += select(0u, counts[other], other < expert);
    first_tile += select(0u, other_tiles, other < expert);
    used_tiles += other_tiles;
  }
  for (var tile = used_tiles + expert; tile < params.num_tiles; tile += 256) { tiles[tile] = Tile(0xffffffff, 0, 0); }
  for (var done = 0u; done < count; done += TILE_ROWS) {
    tiles[first_tile + done / TILE_ROWS] = Tile(expert, first_row + done, min(TILE_ROWS, count - done));
  }
  var at = first_row;
  for (var row = 0u; row < state.rows; row++) {
    if (routes[row].expert == expert) {
      order[at] = row;
      at++;
    }
  }
}
