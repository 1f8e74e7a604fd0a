// Weights that a codec decodes by octets, for matvec-lanes: a lane takes 8 columns of four rows a step. Each weight is
// decoded to f32 before it is multiplied, which keeps f16 products as small as the weights themselves.
fn dot8(row: u32, step: u32, low: vec4<Elem>, high: vec4<Elem>) -> f32 {
  let weights = octet(blob_at, row, step);
  return f32(dot(vec4<Elem>(weights[0]), low) + dot(vec4<Elem>(weights[1]), high));
}

fn products(rows: vec4<u32>, lane: u32) -> vec4<f32> {
  var sums = vec4(0.0);
  for (var step = lane; step < params.cols / 8; step += LANES) {
    let low = vec4<Elem>(x_at(2 * step));
    let high = vec4<Elem>(x_at(2 * step + 1));
    sums += vec4(dot8(rows.x, step, low, high), dot8(rows.y, step, low, high),
                 dot8(rows.z, step, low, high), dot8(rows.w, step, low, high));
  }
  return sums;
}
