// h = E[id]: the embedding lookup, floats as stored.
//
//   ids    [rows]                u32
//   table  [outputs, cols]       bf16, f16 or f32; a shard of the whole, from row `first_row`
//   h      [rows, cols]          f32
//
// One thread per 8 columns. A row outside of this shard is left to the dispatch of its own shard.
struct Params {
  cols: u32, // multiple of 8
  first_row: u32,
  outputs: u32, // rows of this shard
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> ids: array<u32>;           // [rows]
@group(0) @binding(2) var<storage, read> table: array<vec4<u32>>;   // [outputs, cols / 8 (or / 4)]
@group(0) @binding(3) var<storage, read_write> h: array<vec4<f32>>; // [rows, cols / 4]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let row = gid.y;
  let steps = params.cols / 8;
  let id = ids[row] - params.first_row; // wraps below the shard, so one comparison does
  if (gid.x >= steps || id >= params.outputs) { return; }
  let step = id * steps + gid.x;
  let at = (row * steps + gid.x) * 2;
  if (ELEMENT == F32) {
    h[at] = bitcast<vec4<f32>>(table[2 * step]);
    h[at + 1] = bitcast<vec4<f32>>(table[2 * step + 1]);
  } else {
    let words = table[step];
    h[at] = widen(words.x, words.y);
    h[at + 1] = widen(words.z, words.w);
  }
}
