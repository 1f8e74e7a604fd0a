// h = E[id]: the embedding lookup in a table of any packed format.
//
//   ids    [rows]           u32
//   table  [outputs, cols]  as a codec, shared/packed-*.wgsl, says; a shard of the whole, from row `first_row`
//   h      [rows, cols]     f32
//
// One thread per 8 columns. A row outside of this shard is left to the dispatch of its own shard.
struct Params {
  outputs: u32,   // rows of this shard
  cols: u32,      // multiple of 8
  scales_at: u32, // u32 offsets in the table
  zeros_at: u32,
  order_at: u32,
  first_row: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;           // [rows]
@group(0) @binding(2) var<storage, read> table: array<u32>;         // [blob]
@group(0) @binding(3) var<storage, read_write> h: array<vec4<f32>>; // [rows, cols / 4]

fn word_at(at: u32) -> u32 { return table[at]; }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let row = gid.y;
  let octets = params.cols / 8;
  let id = ids[row] - params.first_row; // wraps below the shard, so one comparison does
  if (gid.x >= octets || id >= params.outputs) { return; }
  let weights = octet(0, id, gid.x);
  let at = (row * octets + gid.x) * 2;
  h[at] = weights[0];
  h[at + 1] = weights[1];
}
