// Load-time quantization: a band of float weights, row-major or [in, out], into a blob in groups of GROUP_SIZE along K.
//
//   band    floats as stored; weight (o, k) of the band is element source_at + o * out_stride + k * in_stride
//   matrix  the whole buffer, of which rows first_row .. + out_rows of a blob [.., in_cols] are written, in the groups
//           first_group .. : words, bf16 scales two a u32 [.., groups], and for 8 bits bf16 biases likewise
//
// 4 bits: w = (q - 8) * scale, scale = the largest magnitude / 7.5, as src/quant/int4.ts. 8 bits: w = q * scale + bias, the
// bias rounded down and the scale up so that the whole range is covered, as src/quant/quantize-affine.ts. Both bit for bit
// on every adapter: WGSL's division may be off by 2.5 ulp, so a quotient only proposes a value, and products that f32
// holds exactly decide. Weights must be finite, with magnitudes below 2^126; below 2^-100 they may count as zero.
//
// One thread per group, which reads its weights twice, the second time from the cache. Two groups share a word of scales:
// each replaces its half, whatever was there, so that a band may come again.
override BITS: u32 = 4; // 4 or 8
override GROUP_SIZE: u32 = 128; // multiple of 32 / BITS

const LEAST = 0x1p-100f;

struct Params {
  in_cols: u32,     // multiple of GROUP_SIZE
  out_rows: u32,
  source_at: u32,
  out_stride: u32,
  in_stride: u32,
  first_row: u32,
  first_group: u32,
  words_at: u32,    // u32 offsets of the blob's sections
  scales_at: u32,
  biases_at: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> band: array<u32>;
@group(0) @binding(2) var<storage, read_write> matrix: array<atomic<u32>>;

fn weight_at(index: u32) -> f32 {
  if (ELEMENT == F32) { return bitcast<f32>(band[index]); }
  let half = band[index / 2] >> (16 * (index % 2));
  if (ELEMENT == F16) { return unpack2x16float(half).x; }
  return bitcast<f32>(half << 16);
}

fn from_bf16(bits: u32) -> f32 {
  return bitcast<f32>(bits << 16);
}

// The least bf16 that, `beyond` units of its last place further, is at least wanted / factor. The products are exact.
fn least_bf16(wanted: f32, factor: f32, beyond: u32) -> u32 {
  var bits = (bitcast<u32>(wanted / factor) >> 16) - 1;
  while (factor * bitcast<f32>((bits << 16) + beyond) < wanted) { bits++; }
  return bits;
}

// weight / scale to the nearest integer, ties to even; the tie times the scale is exact.
fn steps(weight: f32, scale: f32, reciprocal: f32) -> i32 {
  let below = floor(weight * reciprocal);
  let tie = (below + 0.5) * scale;
  let low = i32(below);
  return low + select(select(0, 1, weight > tie), low & 1, weight == tie);
}

fn store_half(at: u32, group: u32, bits: u32) {
  let shift = 16 * (group % 2);
  atomicAnd(&matrix[at + group / 2], ~(0xffffu << shift));
  atomicOr(&matrix[at + group / 2], bits << shift);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  if (gid.x >= params.out_rows) { return; }
  let from_group = params.source_at + gid.x * params.out_stride + gid.y * GROUP_SIZE * params.in_stride;
  let first = weight_at(from_group);
  var range = vec2(first, first);
  for (var i = 1u; i < GROUP_SIZE; i++) {
    let weight = weight_at(from_group + i * params.in_stride);
    range = vec2(min(range.x, weight), max(range.y, weight));
  }
  var bias = 0u;
  var scale = 0u;
  if (BITS == 4) {
    let most = max(-range.x, range.y);
    scale = 0x3400; // 2^-23: compressed-tensors' scale of a group of zeros
    if (most >= LEAST) {
      scale = least_bf16(most, 7.5, 0x8000); // nearest: half a unit further
      if (7.5 * bitcast<f32>((scale << 16) + 0x8000) == most) { scale += scale & 1; }
    }
  } else {
    if (abs(range.x) >= LEAST) {
      let low = bitcast<u32>(range.x);
      bias = (low >> 16) + select(0u, 1u, range.x < 0 && (low & 0xffff) != 0);
    }
    let width = range.y - from_bf16(bias);
    if (width >= LEAST) { scale = least_bf16(width, 255, 0); }
  }
  let row = params.first_row + gid.x;
  let group = row * (params.in_cols / GROUP_SIZE) + params.first_group + gid.y;
  store_half(params.scales_at, group, scale);
  if (BITS == 8) { store_half(params.biases_at, group, bias); }

  let step = from_bf16(scale);
  let reciprocal = 1 / step;
  let zero = select(from_bf16(bias), 0, BITS == 4);
  let per_word = 32 / BITS;
  for (var i = 0u; i < GROUP_SIZE; i += per_word) {
    var word = 0u;
    for (var j = 0u; j < per_word; j++) {
      var q = 0;
      if (step > 0) { q = steps(weight_at(from_group + (i + j) * params.in_stride) - zero, step, reciprocal); }
      if (BITS == 4) { q = clamp(q, -8, 7) + 8; }
      if (BITS == 8) { q = max(q, 0); } // what counts as zero may lie below a bias of zero
      word |= u32(q) << (j * BITS);
    }
    atomicStore(&matrix[params.words_at + (group * GROUP_SIZE + i) / per_word], word);
  }
}
