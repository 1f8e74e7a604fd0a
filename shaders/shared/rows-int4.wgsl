// Int4 weights (shared/int4-weights.wgsl) for matvec-rows: a thread takes 16 bytes, 32 columns, of its four rows a step.
// A nibble is masked, not shifted: it stands for q * 16^i, and x has been divided by 16^i, exactly, once for all rows.
// CPUs convert signed integers only, and SwiftShader shifts lane by lane: so the last one's highest bit is flipped, which
// makes it q - 8. The zero is subtracted a group at a time, times the sum of x, and the 8 added likewise.
override PAIRS: bool = false; // a word holds the scales of groups 2 i and 2 i + 1 of a row
override INT8: bool = false; // x is rounded to int8 with a scale for every 32 columns; CPUs then multiply floats as ever

const LOW_PLACES = vec4<f32>(1, 16, 256, 4096);
const HIGH_PLACES = vec4<f32>(0x1p16, 0x1p20, 0x1p24, 0x1p28);

// 32 columns of x, over their places.
struct Block {
  a: vec4<f32>,
  b: vec4<f32>,
  c: vec4<f32>,
  d: vec4<f32>,
  e: vec4<f32>,
  f: vec4<f32>,
  g: vec4<f32>,
  h: vec4<f32>,
}

fn largest(quad: vec4<f32>) -> f32 {
  let size = abs(quad);
  return max(max(size.x, size.y), max(size.z, size.w));
}

// `most`: the largest of the 32 columns.
fn rounded(quad: vec4<f32>, most: f32) -> vec4<f32> {
  if (!INT8 || most == 0) { return quad; }
  return round(quad * (127 / most)) * (most / 127);
}

fn dot8(word: u32, low: vec4<f32>, high: vec4<f32>) -> f32 {
  let first = bitcast<vec4<i32>>(vec4(word) & vec4(0xfu, 0xf0u, 0xf00u, 0xf000u));
  let last = bitcast<vec4<i32>>(vec4(word ^ 0x80000000u) & vec4(0xf0000u, 0xf00000u, 0xf000000u, 0xf0000000u));
  return dot(vec4<f32>(first), low) + dot(vec4<f32>(last), high);
}

fn dot32(words: vec4<u32>, x: Block) -> f32 {
  return dot8(words.x, x.a, x.b) + dot8(words.y, x.c, x.d) + dot8(words.z, x.e, x.f) + dot8(words.w, x.g, x.h);
}

fn products(rows: vec4<u32>) -> vec4<f32> {
  let groups = params.cols / GROUP_SIZE;
  let starts = blob_at / 4 + rows * (params.cols / 32);
  var total = vec4(0.0);
  var scale_words = vec4(0u);
  for (var group = 0u; group < groups; group++) {
    let index = rows * groups + group;
    if (PAIRS && (group & 1) == 0) { scale_words = words_at(blob_at + params.scales_at + (index >> vec4(1u))); }
    var sums = vec4(0.0);
    var x_sum = 0.0;
    var eights = 0.0;
    for (var part = 0u; part < GROUP_SIZE / 32; part++) { // a constant: one turn is no loop, which saves a quarter
      let step = group * (GROUP_SIZE / 32) + part;
      let words = quads_at(starts + step);
      let x = x_block(step);
      let high = x.b + x.d + x.f + x.h;
      x_sum += dot(x.a + x.c + x.e + x.g, LOW_PLACES) + dot(high, HIGH_PLACES);
      eights += high.w * (8 * HIGH_PLACES.w);
      sums += vec4(dot32(words.x, x), dot32(words.y, x), dot32(words.z, x), dot32(words.w, x));
    }
    total += scales_from(scale_words, index) * (sums + eights - zeros_of(rows, groups, group) * x_sum);
  }
  return total;
}

fn scales_from(words: vec4<u32>, index: vec4<u32>) -> vec4<f32> {
  if (!PAIRS) { return scales_of(index); }
  return vec4(scale_from(words.x, index.x), scale_from(words.y, index.y),
              scale_from(words.z, index.z), scale_from(words.w, index.w));
}
