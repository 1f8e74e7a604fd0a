// Y = X W^T for a block of tokens, as shaders/matmul-tiles.wgsl, for adapters that compute on a CPU.
//
//   tiles   [grid.y]        which tokens each workgroup works on (grouped only; see expert-tiles)
//   order   [rows]          token rows sorted by expert (grouped only)
//   routes  [rows]          each token's expert and score (grouped only)
//   blob    [rows, cols]    weights as a codec says (shared/matmul.wgsl); a stack of such blobs where there are experts
//   x       [tokens, cols]  f32
//   y       [tokens, y_cols] f32, from column `y_at`; SWIGLU and ADD: shared/product.wgsl
//
// There a thread is a lane of a SIMD register, barriers are dear, and a load in a loop, even one that all lanes agree
// on, is a scalar load, a bounds test and an insertion for each lane: 10 ns a register on lavapipe, as much as 60
// multiply-adds. So a thread makes 4 weight rows x 4 tokens in registers, alone. It loads its rows' words itself; of x
// it loads a part, 32 bytes of a token by two lanes, handed round (shared/tokens-broadcast.wgsl), or all of it
// where there are no subgroups (shared/tokens-plain.wgsl). Eight columns are then 128 multiply-adds of registers for 8
// loads; 8 tokens at a time were no faster, having more sums than registers.
// With f16 x is rounded; the arithmetic is f32. A tile's tokens are taken by fours, so that a short one costs little.
const THREADS = 32u; // multiple of LANES; few, since threads whose rows overhang compute too

// 8 columns of four tokens. [token][column]
struct Octets {
  low: mat4x4<f32>,
  high: mat4x4<f32>,
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) thread: u32) {
  let tile = tile_of(wid.y, TILE_ROWS);
  if (tile.rows == 0) { return; }
  let outputs_per_thread = select(4u, 2u, SWIGLU);
  let first = (wid.x * THREADS + thread) * outputs_per_thread;
  let rows_end = select(params.outputs, 2 * params.outputs, SWIGLU);
  // Weight rows, clamped; overhanging ones are not written.
  let rows = min(vec4(row_of(first, 0), row_of(first, 1), row_of(first, 2), row_of(first, 3)), vec4(rows_end - 1));
  let outputs = min(outputs_per_thread, params.outputs - min(first, params.outputs));
  for (var quad = 0u; quad < tile.rows; quad += 4) {
    // Tokens, clamped; overhanging ones are not written.
    let places = tile.first + min(quad + vec4(0u, 1u, 2u, 3u), vec4(tile.rows - 1));
    let tokens = vec4(token_of(places.x), token_of(places.y), token_of(places.z), token_of(places.w));
    take_tokens(tokens * (params.cols / 4), thread);
    var sums = products(rows);
    for (var t = 0u; t < min(4, tile.rows - quad); t++) {
      let y_at = tokens[t] * params.y_cols + params.y_at + first;
      let score = score_of(tokens[t]);
      for (var r = 0u; r < outputs; r++) { finish(y_at + r, sums[r][t], sums[r + 2][t], score); }
    }
  }
}
