// Floats as stored (shared/float-weights.wgsl), by octets: 16 bytes, or 32 of f32.
fn octet(base: u32, row: u32, at: u32) -> mat2x4<f32> {
  let place = row * (params.cols / 8) + at;
  if (ELEMENT == F32) {
    let first = base / 4 + 2 * place;
    return mat2x4<f32>(bitcast<vec4<f32>>(quad_at(first)), bitcast<vec4<f32>>(quad_at(first + 1)));
  }
  let words = quad_at(base / 4 + place);
  return mat2x4<f32>(widen(words.x, words.y), widen(words.z, words.w));
}
