// Which expert a token goes to, and which tokens a workgroup of a grouped matmul works on.
struct Route {
  expert: u32,
  score: f32, // sigmoid of the winning logit
}
struct Tile {
  expert: u32,
  first: u32, // in `order`
  rows: u32,  // at most TILE_ROWS
}

const TILE_ROWS = 32u;
