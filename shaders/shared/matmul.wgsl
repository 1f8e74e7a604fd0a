// What every matmul has: its params, its weights, and which tokens and which blob a workgroup works on.
// Grouped, each token has its own expert out of a stack of blobs, `slots`, and the workgroups go by the tiles that
// expert-tiles made. Otherwise all tokens meet one blob: a matrix, or the shared expert in a stack's last slot. One
// pipeline does both.
struct Params {
  outputs: u32,
  grouped: u32,     // 0 or 1
  cols: u32,        // multiple of 8
  scales_at: u32,   // u32 offsets in a blob
  zeros_at: u32,
  order_at: u32,
  y_at: u32,
  y_cols: u32,
  first_slot: u32,  // of the shard
  num_slots: u32,   // routed ones in the shard
  slot_stride: u32, // u32, multiple of 4
  first_blob: u32,  // not grouped: the slot's place in the shard
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> state: State;
@group(0) @binding(2) var<storage, read> tiles: array<Tile>;       // [grid.y]
@group(0) @binding(3) var<storage, read> order: array<u32>;        // [rows]
@group(0) @binding(4) var<storage, read> routes: array<Route>;     // [rows]
@group(0) @binding(5) var<storage, read> blob: array<vec4<u32>>;   // [slots, blob]
@group(0) @binding(6) var<storage, read> x: array<vec4<f32>>;      // [tokens, cols / 4]
@group(0) @binding(7) var<storage, read_write> y: array<f32>;      // [tokens, y_cols]

var<private> blob_at: u32; // u32 offset of the workgroup's blob

fn word_at(at: u32) -> u32 { return blob[at >> 2][at & 3]; }

fn quad_at(at: u32) -> vec4<u32> { return blob[at]; }

// Turns to the blob of the index-th tile, of at most `most` tokens. A tile without rows is another dispatch's, or
// nobody's.
fn tile_of(index: u32, most: u32) -> Tile {
  if (params.grouped == 0) {
    let first = min(index * most, state.rows);
    blob_at = params.first_blob * params.slot_stride;
    return Tile(0, first, min(most, state.rows - first));
  }
  let tile = tiles[index];
  let slot = tile.expert - params.first_slot; // wraps below the shard
  if (slot >= params.num_slots) { return Tile(0, 0, 0); }
  blob_at = slot * params.slot_stride;
  return tile;
}

// The token, a row of x and y, at a place of a tile.
fn token_of(place: u32) -> u32 {
  if (params.grouped == 1) { return order[place]; }
  return place;
}

fn score_of(token: u32) -> f32 {
  if (params.grouped == 1) { return routes[token].score; }
  return 1;
}
