// Weights that a codec decodes by octets, for matmul-rows: a thread takes 8 columns of its four rows a step.
const LOW_PLACES = vec4<f32>(1);
const HIGH_PLACES = vec4<f32>(1);

// 8 weights of a row times the tokens' x. [token]
fn dot8(row: u32, step: u32, x: Octets) -> vec4<f32> {
  let weights = octet(blob_at, row, step);
  return weights[0] * x.low + weights[1] * x.high;
}

// [row][token]
fn products(rows: vec4<u32>) -> mat4x4<f32> {
  var sums = mat4x4<f32>();
  for (var step = 0u; step < params.cols / 8; step++) {
    let x = token_octets(step);
    sums += mat4x4<f32>(dot8(rows.x, step, x), dot8(rows.y, step, x), dot8(rows.z, step, x), dot8(rows.w, step, x));
  }
  return sums;
}
