// Int4 weights (shared/int4-weights.wgsl) for matvec-lanes: a lane takes 16 bytes, 32 columns, of four rows a step.
// One scale multiplies 32 products; the rows are written out, since indexing vectors in a loop is slow where it is not
// unrolled. `columns` and `dot32` are there for each element type: shared/lanes-int4-f32.wgsl, lanes-int4-f16.wgsl.
fn products(rows: vec4<u32>, lane: u32) -> vec4<f32> {
  let groups = params.cols / GROUP_SIZE;
  var sums = vec4(0.0);
  for (var step = lane; step < params.cols / 32; step += LANES) {
    let words = quads_at(blob_at / 4 + rows * (params.cols / 32) + step);
    let group = step * 32 / GROUP_SIZE;
    let scales = scales_of(rows * groups + group);
    let zeros = zeros_of(rows, groups, group);
    let x = columns(step);
    sums += scales * vec4(dot32(words.x, zeros.x, x), dot32(words.y, zeros.y, x),
                          dot32(words.z, zeros.z, x), dot32(words.w, zeros.w, x));
  }
  return sums;
}
