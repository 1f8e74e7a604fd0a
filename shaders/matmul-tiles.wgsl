// Y = X W^T for a block of tokens, dense or grouped by expert: the prefill-time projection.
//
//   tiles   [grid.y]        which tokens each workgroup works on (grouped only; see expert-tiles)
//   order   [rows]          token rows sorted by expert (grouped only)
//   routes  [rows]          each token's expert and score (grouped only)
//   blob    [rows, cols]    weights as a codec says (shared/matmul.wgsl); a stack of such blobs where there are experts
//   x       [tokens, cols]  f32
//   y       [tokens, y_cols] f32, from column `y_at`; SWIGLU and ADD: shared/product.wgsl
//
// A workgroup makes THREADS / 4 tokens x 128 weight rows, a thread 4 x 8 of them in registers. 16 columns at a time of
// both sides are staged in workgroup memory, weights decoded, while the next 16 are on their way from the GPU's memory.
//
// For 64 tokens, 16 columns are 64 * 128 * 16 = 131,072 multiply-adds for 4 KiB of x and 1 KiB of int4: 51 operations
// a byte even if no cache held either, and weights come from memory once for 64 tokens. A thread reads 48 vec4 from
// workgroup memory for 512 multiply-adds; a subgroup's threads share the 16 of x. A weight is decoded by one thread for
// 64 tokens, so that a codec costs a few per cent of the arithmetic. Rows of 5 vec4, not 4, keep 8 threads that read
// at once on different banks. Workgroup memory is 15 KiB with f32 (THREADS 256), half with f16; the sums are f32 in any
// case. 32 sums, 32 weights and what is staged next are about 100 registers a thread: 2 workgroups of 256 where a core
// has 64 K. Grouped, a tile is 32 tokens: of a block of 512 each of 16 experts has no more on average, and an expert
// wastes half a tile. Each token is written by one workgroup, since top-1 gives it one expert: no atomics.
override THREADS: u32 = 256; // 128 or 256

const STRIDE = 5u; // vec4 from one row of a staged tile to the next: 4 of them, and padding

var<workgroup> x_tile: array<vec4<Elem>, THREADS / 4 * 5>; // [token][column]
var<workgroup> w_tile: array<vec4<Elem>, 640>;             // [weight row][column]

// What a thread stages of 16 columns: 4 of a token, 8 of one weight row or two.
struct Staged {
  x: vec4<f32>,
  first: mat2x4<f32>,
  second: mat2x4<f32>, // where there are 128 threads
}

var<private> from_x: u32; // of the thread's token and quad
var<private> weight_rows: vec2<u32>;

// Columns past the end count as zeros.
fn load(step: u32, thread: u32) -> Staged {
  var staged: Staged;
  if (4 * step + (thread & 3) < params.cols / 4) { staged.x = x[from_x + 4 * step]; }
  let at = 2 * step + (thread & 1);
  if (at < params.cols / 8) {
    staged.first = octet(blob_at, weight_rows.x, at);
    if (THREADS == 128) { staged.second = octet(blob_at, weight_rows.y, at); }
  }
  return staged;
}

fn stage(staged: Staged, thread: u32) {
  x_tile[(thread / 4) * STRIDE + (thread & 3)] = vec4<Elem>(staged.x);
  let at = (thread / 2) * STRIDE + 2 * (thread & 1);
  w_tile[at] = vec4<Elem>(staged.first[0]);
  w_tile[at + 1] = vec4<Elem>(staged.first[1]);
  if (THREADS == 128) {
    w_tile[at + 64 * STRIDE] = vec4<Elem>(staged.second[0]);
    w_tile[at + 64 * STRIDE + 1] = vec4<Elem>(staged.second[1]);
  }
}

// The weight row at a place of the tile; with SWIGLU the second half are up rows. Clamped: overhanging ones are not
// written.
fn weight_row(first: u32, place: u32) -> u32 {
  if (SWIGLU) { return min(first + (place & 63) + (place >> 6) * params.outputs, 2 * params.outputs - 1); }
  return min(first + place, params.outputs - 1);
}

// 4 columns of the weight rows place, place + 16, place + 32, place + 48. [column][row]
fn weight_quads(place: u32, quad: u32) -> mat4x4<f32> {
  let at = place * STRIDE + quad;
  return transpose(mat4x4<f32>(vec4<f32>(w_tile[at]), vec4<f32>(w_tile[at + 16 * STRIDE]),
                               vec4<f32>(w_tile[at + 32 * STRIDE]), vec4<f32>(w_tile[at + 48 * STRIDE])));
}

fn multiply_add(w: mat4x4<f32>, v: vec4<f32>, sum: vec4<f32>) -> vec4<f32> {
  return fma(w[3], vec4(v.w), fma(w[2], vec4(v.z), fma(w[1], vec4(v.y), fma(w[0], vec4(v.x), sum))));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) thread: u32) {
  let tile = tile_of(wid.y, THREADS / 4);
  if (tile.rows == 0) { return; }
  let first = wid.x * select(128u, 64u, SWIGLU);
  from_x = token_of(tile.first + min(thread / 4, tile.rows - 1)) * (params.cols / 4) + (thread & 3);
  weight_rows = vec2(weight_row(first, thread / 2), weight_row(first, thread / 2 + 64));
  let column = thread & 15; // of the thread's outputs
  let line = thread >> 4;   // of its tokens
  // [token][output]: four at column, + 16, + 32, + 48, and four more from + 64 on
  var low0 = vec4(0.0);
  var low1 = vec4(0.0);
  var low2 = vec4(0.0);
  var low3 = vec4(0.0);
  var high0 = vec4(0.0);
  var high1 = vec4(0.0);
  var high2 = vec4(0.0);
  var high3 = vec4(0.0);
  let steps = (params.cols + 15) / 16;
  var staged = load(0, thread);
  for (var step = 0u; step < steps; step++) {
    stage(staged, thread);
    workgroupBarrier();
    if (step + 1 < steps) { staged = load(step + 1, thread); }
    for (var quad = 0u; quad < 4; quad++) {
      let low = weight_quads(column, quad);
      let high = weight_quads(column + 64, quad);
      let x_at = line * STRIDE + quad;
      let x0 = vec4<f32>(x_tile[x_at]);
      let x1 = vec4<f32>(x_tile[x_at + THREADS / 16 * STRIDE]);
      let x2 = vec4<f32>(x_tile[x_at + THREADS / 8 * STRIDE]);
      let x3 = vec4<f32>(x_tile[x_at + THREADS / 16 * 3 * STRIDE]);
      low0 = multiply_add(low, x0, low0);
      low1 = multiply_add(low, x1, low1);
      low2 = multiply_add(low, x2, low2);
      low3 = multiply_add(low, x3, low3);
      high0 = multiply_add(high, x0, high0);
      high1 = multiply_add(high, x1, high1);
      high2 = multiply_add(high, x2, high2);
      high3 = multiply_add(high, x3, high3);
    }
    workgroupBarrier();
  }
  var lows = array(low0, low1, low2, low3);
  var highs = array(high0, high1, high2, high3);
  for (var t = 0u; t < 4; t++) {
    let place = line + t * (THREADS / 16);
    if (place >= tile.rows) { break; }
    let token = token_of(tile.first + place);
    let y_at = token * params.y_cols + params.y_at;
    let score = score_of(token);
    for (var j = 0u; j < 4; j++) {
      let output = first + column + 16 * j;
      if (output < params.outputs) { finish(y_at + output, lows[t][j], highs[t][j], score); }
      if (!SWIGLU && output + 64 < params.outputs) { finish(y_at + output + 64, highs[t][j], 0, 1); }
    }
  }
}
