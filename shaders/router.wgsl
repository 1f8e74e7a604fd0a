// Top-1 routing from logits (ties to the lower index), where the router's weights are quantized; else norm-router does it all.
//
//   logits  [rows, num_experts]  f32
//   forced, routes, record       shared/choose-expert.wgsl
//
// One thread per row.
struct Params {
  num_experts: u32,
  layer: u32, // counted among the MoE layers
  max_rows: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> state: State;
@group(0) @binding(2) var<storage, read> logits: array<f32>;         // [rows, num_experts]
@group(0) @binding(3) var<storage, read> forced: array<u32>;         // [layers, max_rows]
@group(0) @binding(4) var<storage, read_write> routes: array<Route>; // [rows]
@group(0) @binding(5) var<storage, read_write> record: array<u32>;   // [1 + layers]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let row = gid.x;
  if (row >= state.rows) { return; }
  let at = row * params.num_experts;
  var expert = 0u;
  for (var candidate = 1u; candidate < params.num_experts; candidate++) {
    if (logits[at + candidate] > logits[at + expert]) { expert = candidate; }
  }
  expert = chosen(expert, row, params.layer, params.max_rows);
  keep(expert, logits[at + expert], row, params.layer);
}
