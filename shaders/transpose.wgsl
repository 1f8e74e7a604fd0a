// Load-time re-layout of fused experts: a band of rows of a [in, out] matrix, as published, into an [out, in] one.
//
//   band    [band_rows, out]  bf16, f16 (two a u32) or f32, rows k = first_row ..
//   matrix  [out, in]         the same elements; columns first_row .. first_row + band_rows are written
//
// One thread per u32 of the result: for 16-bit elements two neighbours in k, so band_rows and first_row are even.
override BITS: u32 = 16; // 16 or 32

struct Params {
  in_cols: u32,   // columns of `matrix`, even for 16 bits
  out_rows: u32,  // rows of `matrix`, even for 16 bits
  first_row: u32,
  band_rows: u32,
  matrix_at: u32, // u32 offset
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> band: array<u32>;         // [band_rows, out]
@group(0) @binding(2) var<storage, read_write> matrix: array<u32>; // [out, in]

fn half_at(row: u32, column: u32) -> u32 {
  let at = row * params.out_rows + column;
  return (band[at >> 1] >> (16 * (at & 1))) & 0xffffu;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let column = gid.x; // of the band: a row of the matrix
  if (column >= params.out_rows) { return; }
  if (BITS == 32) {
    let row = gid.y;
    matrix[params.matrix_at + column * params.in_cols + params.first_row + row] = band[row * params.out_rows + column];
    return;
  }
  let row = 2 * gid.y;
  let word = half_at(row, column) | (half_at(row + 1, column) << 16);
  matrix[params.matrix_at + (column * params.in_cols + params.first_row + row) / 2] = word;
}
