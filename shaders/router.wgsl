// Top-1 routing: expert = argmax of the logits (ties to the lower index), score = sigmoid of the winning logit.
//
//   logits  [rows, num_experts]  f32
//   forced  [layers, max_rows]   u32; taken instead of the argmax where state.force_routes is 1
//   routes  [rows]               expert and score
//   record  [1 + layers]         u32; the newest token's expert goes to 1 + layer, for those who watch
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
  if (state.force_routes == 1) { expert = forced[params.layer * params.max_rows + row]; }
  routes[row] = Route(expert, 1 / (1 + exp(-logits[at + expert])));
  if (row == state.rows - 1) { record[1 + params.layer] = expert; }
}
