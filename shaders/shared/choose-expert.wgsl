// What becomes of a router's choice.
//
//   forced  [layers, max_rows]   u32; taken instead of the argmax where state.force_routes is 1
//   routes  [rows]               expert and score
//   record  [1 + layers]         u32; the newest token's expert goes to 1 + layer, for those who watch
fn chosen(best: u32, row: u32, layer: u32, max_rows: u32) -> u32 {
  if (state.force_routes == 1) { return forced[layer * max_rows + row]; }
  return best;
}

// The score is the sigmoid of the winning logit.
fn keep(expert: u32, logit: f32, row: u32, layer: u32) {
  routes[row] = Route(expert, 1 / (1 + exp(-logit)));
  if (row == state.rows - 1) { record[1 + layer] = expert; }
}
