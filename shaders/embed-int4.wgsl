// h = E[id]: the embedding lookup in an int4 table.
//
//   ids    [rows]                u32
//   table  [outputs, cols]       int4 blob (shared/int4-weights.wgsl); a shard of the whole, from row `first_row`
//   h      [rows, cols]          f32
//
// One thread per 8 columns. A row outside of this shard is left to the dispatch of its own shard.
struct Params {
  cols: u32, // multiple of GROUP_SIZE
  first_row: u32,
  outputs: u32, // rows of this shard
  scales_at: u32,
  zeros_at: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;           // [rows]
@group(0) @binding(2) var<storage, read> table: array<u32>;         // [outputs, cols / 8] words, scales, zeros
@group(0) @binding(3) var<storage, read_write> h: array<vec4<f32>>; // [rows, cols / 4]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let row = gid.y;
  let words = params.cols / 8;
  let id = ids[row] - params.first_row; // wraps below the shard, so one comparison does
  if (gid.x >= words || id >= params.outputs) { return; }
  let groups = params.cols / GROUP_SIZE;
  let group = gid.x * 8 / GROUP_SIZE;
  let index = id * groups + group;
  let scale = scale_from(table[params.scales_at + scale_word(index)], index);
  var zero = 8.0;
  if (ASYMMETRIC) { zero = f32((table[params.zeros_at + (id >> 3) * groups + group] >> (4 * (id & 7))) & 15); }
  let word = table[id * words + gid.x];
  let at = (row * words + gid.x) * 2;
  h[at] = (nibbles_low(word) - zero) * scale;
  h[at + 1] = (nibbles_high(word) - zero) * scale;
}
