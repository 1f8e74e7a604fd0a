// Weights that a codec decodes by octets, for matvec-rows: a thread takes 8 columns of its four rows a step.
fn dot8(row: u32, step: u32, x: mat2x4<f32>) -> f32 {
  let weights = octet(blob_at, row, step);
  return dot(weights[0], x[0]) + dot(weights[1], x[1]);
}

fn products(rows: vec4<u32>) -> vec4<f32> {
  var sums = vec4(0.0);
  for (var step = 0u; step < params.cols / 8; step++) {
    let x = x_octet(step);
    sums += vec4(dot8(rows.x, step, x), dot8(rows.y, step, x), dot8(rows.z, step, x), dot8(rows.w, step, x));
  }
  return sums;
}
