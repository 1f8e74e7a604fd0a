// What matvecs and matmuls have in common: which rows make an output, and what becomes of a product.
// SWIGLU: the rows are gate then up, [2 * outputs, cols]; y = silu(s * gate) * (s * up), where s is the token's score (1
// where the matrix is not routed): Llama 4 scales the expert's INPUT, which is the same as scaling both products.
override SWIGLU: bool = false;
override ADD: bool = false; // y += W x: the residual

// The r-th of the four rows of a thread whose first output is `first`.
fn row_of(first: u32, r: u32) -> u32 {
  if (SWIGLU) { return first + (r & 1) + (r >> 1) * params.outputs; }
  return first + r;
}

// y[at] = an output, from its product and (SWIGLU) the product of its up row.
fn finish(at: u32, product: f32, up: f32, score: f32) {
  var value = product;
  // exp of a large argument overflows to infinity, and x / inf is the right 0.
  if (SWIGLU) { value = score * product / (1 + exp(-score * product)) * (score * up); }
  if (ADD) { value += y[at]; }
  y[at] = value;
}
