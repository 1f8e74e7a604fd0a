// silu(gate) * up. exp of a large argument overflows to infinity, and x / inf is the right 0.
fn swiglu(gate: f32, up: f32) -> f32 {
  return gate / (1 + exp(-gate)) * up;
}
