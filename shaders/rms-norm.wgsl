// y = x / sqrt(mean(x^2) + eps) * weight, per row.
//
//   x       [rows, cols]  f32
//   weight  [cols]        f32
//   y       [rows, cols]  f32
//
// One workgroup per row: threads keep partial sums, one barrier, then each adds all of them. A software adapter has few
// threads: a turn of a loop costs it more than what is added.
override THREADS: u32 = 64;
override LAST_ROW: bool = false; // normalize only the newest row of x, into row 0 of y: the head needs no other

struct Params {
  cols: u32, // multiple of 4
  eps: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> state: State;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;       // [rows, cols / 4]
@group(0) @binding(3) var<storage, read> weight: array<vec4<f32>>;  // [cols / 4]
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>; // [rows, cols / 4]
var<workgroup> partial: array<f32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  let cols = params.cols / 4;
  var source = wid.x;
  if (LAST_ROW) { source = state.rows - 1; }
  let from_row = source * cols;
  let to_row = wid.x * cols;
  var squares = 0.0;
  for (var col = lane; col < cols; col += THREADS) {
    let value = x[from_row + col];
    squares += dot(value, value);
  }
  partial[lane] = squares;
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < THREADS; i++) { sum += partial[i]; }
  let scale = inverseSqrt(sum / f32(params.cols) + params.eps);
  for (var col = lane; col < cols; col += THREADS) { y[to_row + col] = x[from_row + col] * scale * weight[col]; }
}
