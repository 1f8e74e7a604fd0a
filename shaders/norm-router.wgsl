// RMSNorm, the router's logits and its choice, in one dispatch: what stands before a MoE layer's experts.
//
//   h       [rows, cols]          f32
//   weight  [cols]                f32, of the norm
//   router  [num_experts, cols]   floats as stored
//   x       [rows, cols]          f32: h / rms(h) * weight, for the experts
//   logits  [rows, num_experts]   f32
//   forced, routes, record        shared/choose-expert.wgsl
//
// One workgroup per row. A norm is a factor of the whole row, so that the products of h * weight need not wait for it: sums of
// squares and SLICES partial products per expert are taken side by side, one barrier joins both. Reads the router once
// a row: 164 KB of a layer's 167 MB in Scout.
override THREADS: u32 = 256; // few on software adapters, as in rms-norm
override EXPERTS: u32 = 16; // at most 256
override SLICES: u32 = 16;  // threads that share a product

struct Params {
  cols: u32, // multiple of 8
  eps: f32,
  layer: u32, // counted among the MoE layers
  max_rows: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> state: State;
@group(0) @binding(2) var<storage, read> h: array<vec4<f32>>;         // [rows, cols / 4]
@group(0) @binding(3) var<storage, read> weight: array<vec4<f32>>;    // [cols / 4]
@group(0) @binding(4) var<storage, read> router: array<vec4<u32>>;    // [num_experts, cols]
@group(0) @binding(5) var<storage, read_write> x: array<vec4<f32>>;   // [rows, cols / 4]
@group(0) @binding(6) var<storage, read_write> logits: array<f32>;    // [rows, num_experts]
@group(0) @binding(7) var<storage, read> forced: array<u32>;          // [layers, max_rows]
@group(0) @binding(8) var<storage, read_write> routes: array<Route>;  // [rows]
@group(0) @binding(9) var<storage, read_write> record: array<u32>;    // [1 + layers]
var<workgroup> squares: array<f32, THREADS>;
var<workgroup> products: array<f32, EXPERTS * SLICES>;
var<workgroup> sums: array<f32, EXPERTS>;

// 8 weights of the router, from column 8 * step.
fn octet(expert: u32, step: u32) -> mat2x4<f32> {
  let at = expert * (params.cols / 8) + step;
  if (ELEMENT == F32) { return mat2x4<f32>(bitcast<vec4<f32>>(router[2 * at]), bitcast<vec4<f32>>(router[2 * at + 1])); }
  let words = router[at];
  return mat2x4<f32>(widen(words.x, words.y), widen(words.z, words.w));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = wid.x;
  let quads = params.cols / 4;
  let from_row = row * quads;
  var square = 0.0;
  for (var at = thread; at < quads; at += THREADS) { square += dot(h[from_row + at], h[from_row + at]); }
  squares[thread] = square;
  for (var share = thread; share < EXPERTS * SLICES; share += THREADS) {
    var product = 0.0;
    for (var step = share % SLICES; step < params.cols / 8; step += SLICES) {
      let weights = octet(share / SLICES, step);
      product += dot(weights[0], h[from_row + 2 * step] * weight[2 * step])
               + dot(weights[1], h[from_row + 2 * step + 1] * weight[2 * step + 1]);
    }
    products[share] = product;
  }
  workgroupBarrier();
  var total = 0.0;
  for (var other = 0u; other < THREADS; other++) { total += squares[other]; }
  let scale = inverseSqrt(total / f32(params.cols) + params.eps);
  for (var expert = thread; expert < EXPERTS; expert += THREADS) {
    var sum = 0.0;
    for (var slice = 0u; slice < SLICES; slice++) { sum += products[expert * SLICES + slice]; }
    sums[expert] = sum * scale;
    logits[row * EXPERTS + expert] = sum * scale;
  }
  for (var at = thread; at < quads; at += THREADS) { x[from_row + at] = h[from_row + at] * scale * weight[at]; }
  workgroupBarrier();
  if (thread != 0) { return; }
  var best = 0u;
  for (var expert = 1u; expert < EXPERTS; expert++) {
    if (sums[expert] > sums[best]) { best = expert; }
  }
  best = chosen(best, row, params.layer, params.max_rows);
  keep(best, sums[best], row, params.layer);
}
