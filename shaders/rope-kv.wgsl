// Finishes q and k and stores k and v: RoPE on interleaved pairs, weightless per-head RMS norm, temperature, KV write.
//
//   qkv    [rows, (num_heads + 2 * num_kv_heads) * head_dim]  f32; q is finished in place
//   table  ROPE: [positions, head_dim / 2] cos and sin pairs; else [positions] query scales (1 where untuned)
//   kv     [2, slots, num_kv_heads, head_dim]  f32, or f16 two a u32; keys then values
//          slot = the row's position - first, or mod chunk
//
// One workgroup per row and head (queries, then keys, then values). The norm is taken before the rotation, which keeps
// it, so one pass over the head does both. Angles come from a CPU table: WGSL's sin and cos are too coarse for it.
// KV_F16: what lies beyond +-65504 (keys of NoPE layers and values have no norm) is stored as +-65504.
override THREADS: u32 = 64; // few on software adapters, as in rms-norm
override ROPE: bool = true;
override QK_NORM: bool = true;
override CHUNKED: bool = true;
override KV_F16: bool = false;

const MAX_F16 = vec2(65504.0);

struct Params {
  num_heads: u32,
  num_kv_heads: u32,
  head_dim: u32,    // even
  eps: f32,
  first: u32,       // position of slot 0 (segments), unused where CHUNKED
  slots: u32,       // where CHUNKED: the attention chunk
  table_rows: u32,  // the table is read at position mod table_rows
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> state: State;
@group(0) @binding(2) var<storage, read> table: array<f32>;
@group(0) @binding(3) var<storage, read_write> qkv: array<f32>; // [rows, heads, head_dim]
@group(0) @binding(4) var<storage, read_write> kv: array<u32>;  // [2, slots, num_kv_heads, head_dim or head_dim / 2]
var<workgroup> partial: array<f32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = wid.x;
  let row = wid.y;
  let dim = params.head_dim;
  let position = state.position + row;
  let from_head = (row * (params.num_heads + 2 * params.num_kv_heads) + head) * dim;
  let is_query = head < params.num_heads;
  let is_value = head >= params.num_heads + params.num_kv_heads;
  var scale = 1.0;
  if (QK_NORM) {
    var squares = 0.0;
    for (var i = lane; i < dim; i += THREADS) { squares += qkv[from_head + i] * qkv[from_head + i]; }
    partial[lane] = squares;
    workgroupBarrier();
    var sum = 0.0;
    for (var i = 0u; i < THREADS; i++) { sum += partial[i]; }
    if (!is_value) { scale = inverseSqrt(sum / f32(dim) + params.eps); }
  }
  let table_row = position % params.table_rows;
  if (!ROPE && is_query) { scale *= table[table_row]; }
  var slot = position - params.first;
  if (CHUNKED) { slot = position % params.slots; }
  let kv_head = select(head - params.num_heads, head - params.num_heads - params.num_kv_heads, is_value);
  let to_head = ((select(0u, params.slots, is_value) + slot) * params.num_kv_heads + kv_head) * dim;
  for (var pair = lane; pair < dim / 2; pair += THREADS) {
    let re = qkv[from_head + 2 * pair] * scale;
    let im = qkv[from_head + 2 * pair + 1] * scale;
    var turned = vec2(re, im);
    if (ROPE && !is_value) {
      let c = table[(table_row * (dim / 2) + pair) * 2];
      let s = table[(table_row * (dim / 2) + pair) * 2 + 1];
      turned = vec2(re * c - im * s, re * s + im * c);
    }
    if (is_query) {
      qkv[from_head + 2 * pair] = turned.x;
      qkv[from_head + 2 * pair + 1] = turned.y;
    } else if (KV_F16) {
      kv[to_head / 2 + pair] = pack2x16float(clamp(turned, -MAX_F16, MAX_F16));
    } else {
      kv[to_head + 2 * pair] = bitcast<u32>(turned.x);
      kv[to_head + 2 * pair + 1] = bitcast<u32>(turned.y);
    }
  }
}
