// Multiply-adds in registers alone: 8 independent vectors of 4 a thread, so that neither latency nor memory counts.

@group(0) @binding(0) var<storage, read_write> unlikely: array<u32>;

/** Of 64 operations a thread each. */
override STEPS: u32 = 256u;

struct Params {
  factor: f32,
  term: f32,
}
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) thread: vec3<u32>) {
  let factor = vec4<f32>(params.factor);
  let term = vec4<f32>(params.term);
  var a = vec4<f32>(f32(thread.x));
  var b = a + 1.0;
  var c = a + 2.0;
  var d = a + 3.0;
  var e = a + 4.0;
  var f = a + 5.0;
  var g = a + 6.0;
  var h = a + 7.0;
  for (var step = 0u; step < STEPS; step++) {
    a = fma(a, factor, term);
    b = fma(b, factor, term);
    c = fma(c, factor, term);
    d = fma(d, factor, term);
    e = fma(e, factor, term);
    f = fma(f, factor, term);
    g = fma(g, factor, term);
    h = fma(h, factor, term);
  }
  let sum = ((a + b) + (c + d)) + ((e + f) + (g + h));
  // With a factor below 1 everything stays finite; no compiler knows it.
  if (all(sum == vec4<f32>(1e30, 2e30, 3e30, 4e30))) {
    unlikely[0] = 1u;
  }
}
