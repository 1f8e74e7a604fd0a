// Load-time re-layout: a band of rows of a matrix stored [in, out], into a blob's [out, in]. Exact for elements of any kind.
//
//   band    [band_rows, source_cols]  elements of BITS, little-endian in u32; rows k = first_row ..
//   matrix  [out_rows, in_cols]       the same elements, from word matrix_at on: row o is the band's column first_out + o;
//                                     columns first_row .. first_row + band_rows are written
//
// BITS is 16 or 32 for fused experts, 32 for GPTQ's words, 8 for ModelOpt's nibble pairs and E4M3 scales, and 4 for AWQ,
// whose words hold columns 0 2 4 6 1 3 5 7 of eight. One thread per u32 of the result, which holds 32 / BITS neighbours
// in k. Neighbouring threads read neighbouring columns; their writes are in_cols apart, and meet again in the cache.
override BITS: u32 = 16; // 4, 8, 16 or 32

struct Params {
  in_cols: u32,     // in_cols, first_row and band_rows are multiples of 32 / BITS
  source_cols: u32, // of the band; for 4 bits a multiple of 8
  first_out: u32,
  out_rows: u32,
  first_row: u32,
  band_rows: u32,
  matrix_at: u32,   // u32 offset
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> band: array<u32>;         // [band_rows, source_cols]
@group(0) @binding(2) var<storage, read_write> matrix: array<u32>; // [out_rows, in_cols]

fn element(row: u32, column: u32) -> u32 {
  let at = (row * params.source_cols + column) * BITS;
  var place = at % 32;
  if (BITS == 4) { place = ((column >> 1) & 3) * 4 + (column & 1) * 16; }
  return extractBits(band[at / 32], place, BITS);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  if (gid.x >= params.out_rows) { return; }
  let per_word = 32 / BITS;
  let row = gid.y * per_word;
  var word = 0u;
  for (var i = 0u; i < per_word; i++) {
    word |= element(row + i, params.first_out + gid.x) << (i * BITS);
  }
  matrix[params.matrix_at + (gid.x * params.in_cols + params.first_row + row) / per_word] = word;
}
