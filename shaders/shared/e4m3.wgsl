// FP8 E4M3 in the low 8 bits, exactly: exponent bias 7, subnormals m * 2^-9, no infinities; NaN (127, 255) is not expected.
fn e4m3(bytes: vec4<u32>) -> vec4<f32> {
  let magnitude = bytes & vec4(127u);
  // With f32's own exponent bias. A subnormal comes out as 2^-7 * (1 + m / 8), which is mended in normal numbers:
  // adapters may flush f32's (and f16's) subnormals to zero.
  let normal = bitcast<vec4<f32>>((magnitude << vec4(20u)) + vec4(120u << 23));
  let value = select(normal, normal * 2 - 0.015625, magnitude < vec4(8u));
  return bitcast<vec4<f32>>(bitcast<vec4<u32>>(value) | ((bytes & vec4(128u)) << vec4(24u)));
}
