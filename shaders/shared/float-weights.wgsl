// Widening of stored floats. A "step" is 8 weights: one vec4<u32> of 16-bit floats, or two of f32.
override ELEMENT: u32 = 0; // 0 bf16, 1 f16, 2 f32

const BF16 = 0u;
const F16 = 1u;
const F32 = 2u;

fn widen(low: u32, high: u32) -> vec4<f32> {
  if (ELEMENT == F16) { return vec4(unpack2x16float(low), unpack2x16float(high)); }
  return bitcast<vec4<f32>>(vec4(low << 16, low & 0xffff0000u, high << 16, high & 0xffff0000u));
}
