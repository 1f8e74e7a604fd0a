// Load-time re-layout: a band of rows of a matrix stored [in, out], into a blob's [out, in]. Exact for elements of any kind.
//
//   band    [band_rows, source_cols]  elements of BITS, little-endian in u32; rows k = first_row ..
//   matrix  [out_rows, in_cols]       the same elements, from word matrix_at on: row o is the band's column first_out + o;
//                                     columns first_row .. first_row + band_rows are written
//
// BITS is 16 or 32 for fused experts, 32 for GPTQ's words, 8 for ModelOpt's nibble pairs and E4M3 scales, and 4 for AWQ,
// whose words hold columns 0 2 4 6 1 3 5 7 of eight. A thread turns a square of 32 / BITS rows and columns: it reads each
// u32 once and writes each once. Neighbouring threads read neighbouring words; their writes are in_cols apart, and meet
// again in the cache.
override BITS: u32 = 16; // 4, 8, 16 or 32

struct Params {
  in_cols: u32,     // as source_cols, first_row and the band's rows a multiple of 32 / BITS
  source_cols: u32,
  first_out: u32,
  out_rows: u32,
  first_row: u32,
  matrix_at: u32,   // u32 offset
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> band: array<u32>;         // [band_rows, source_cols]
@group(0) @binding(2) var<storage, read_write> matrix: array<u32>; // [out_rows, in_cols]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let per_word = 32 / BITS;
  let first = (params.first_out / per_word + gid.x) * per_word;
  let end = params.first_out + params.out_rows;
  if (first >= end) { return; }
  let row = gid.y * per_word;
  var words: array<u32, 8>;
  for (var i = 0u; i < per_word; i++) { words[i] = band[((row + i) * params.source_cols + first) / per_word]; }
  for (var j = 0u; j < per_word; j++) {
    if (first + j < params.first_out || first + j >= end) { continue; }
    var place = j * BITS;
    if (BITS == 4) { place = (j / 2) * 4 + (j % 2) * 16; }
    var word = 0u;
    for (var i = 0u; i < per_word; i++) { word |= extractBits(words[i], place, BITS) << (i * BITS); }
    let out = first + j - params.first_out;
    matrix[params.matrix_at + (out * params.in_cols + params.first_row + row) / per_word] = word;
  }
}
