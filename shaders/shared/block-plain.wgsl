// Columns 32 * at .. 32 * at + 31 over their places.
fn x_block(at: u32) -> Block {
  let a = x_quad(8 * at);
  let b = x_quad(8 * at + 1);
  let c = x_quad(8 * at + 2);
  let d = x_quad(8 * at + 3);
  let e = x_quad(8 * at + 4);
  let f = x_quad(8 * at + 5);
  let g = x_quad(8 * at + 6);
  let h = x_quad(8 * at + 7);
  let most = max(max(max(largest(a), largest(b)), max(largest(c), largest(d))),
                 max(max(largest(e), largest(f)), max(largest(g), largest(h))));
  return Block(rounded(a, most) / LOW_PLACES, rounded(b, most) / HIGH_PLACES,
               rounded(c, most) / LOW_PLACES, rounded(d, most) / HIGH_PLACES,
               rounded(e, most) / LOW_PLACES, rounded(f, most) / HIGH_PLACES,
               rounded(g, most) / LOW_PLACES, rounded(h, most) / HIGH_PLACES);
}
