// Scales and zero points of four rows of an int4 blob.
fn scales_of(index: vec4<u32>) -> vec4<f32> {
  let places = select(index >> vec4(1u), index, SCALE == 2);
  let words = words_at(blob_at + params.scales_at + places);
  return vec4(scale_from(words.x, index.x), scale_from(words.y, index.y),
              scale_from(words.z, index.z), scale_from(words.w, index.w));
}

fn zeros_of(rows: vec4<u32>, groups: u32, group: u32) -> vec4<f32> {
  if (!ASYMMETRIC) { return vec4(8.0); }
  let words = words_at(blob_at + params.zeros_at + (rows >> vec4(3u)) * groups + group);
  return vec4<f32>((words >> (4 * (rows & vec4(7u)))) & vec4(15u));
}
