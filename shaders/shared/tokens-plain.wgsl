// x for matmul-rows without subgroups: each thread loads all of it.
var<private> from_x: vec4<u32>;
var<private> sums_x: vec4<f32>;

fn take_tokens(at: vec4<u32>, thread: u32) { from_x = at; }

fn quads_x(at: vec4<u32>) -> mat4x4<f32> {
  return mat4x4<f32>(vec4<f32>(vec4<Elem>(x[at.x])), vec4<f32>(vec4<Elem>(x[at.y])),
                     vec4<f32>(vec4<Elem>(x[at.z])), vec4<f32>(vec4<Elem>(x[at.w])));
}

fn placed(quads: mat4x4<f32>, places: vec4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(quads[0] * places, quads[1] * places, quads[2] * places, quads[3] * places);
}

// Columns 8 * step .. 8 * step + 7 of the tokens, times the codec's places.
fn token_octets(step: u32) -> Octets {
  let low = quads_x(from_x + 2 * step);
  let high = quads_x(from_x + 2 * step + 1);
  sums_x += vec4(1) * low + vec4(1) * high;
  return Octets(placed(low, LOW_PLACES), placed(high, HIGH_PLACES));
}

// Sums of the tokens' columns since the last call.
fn token_sums() -> vec4<f32> {
  let sums = sums_x;
  sums_x = vec4(0);
  return sums;
}
