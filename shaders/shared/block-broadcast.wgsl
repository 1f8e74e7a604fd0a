// Columns 32 * at .. 32 * at + 31 over their places: a lane loads four, or eight.
fn x_block(at: u32) -> Block {
  let places = select(LOW_PLACES, HIGH_PLACES, (lane & 1) == 1);
  let first = x_quad(8 * at + (lane & 7));
  if (LANES >= 8) {
    let own = rounded(first, subgroupMax(largest(first))) / places;
    return Block(subgroupBroadcast(own, 0), subgroupBroadcast(own, 1), subgroupBroadcast(own, 2), subgroupBroadcast(own, 3),
                 subgroupBroadcast(own, 4), subgroupBroadcast(own, 5), subgroupBroadcast(own, 6), subgroupBroadcast(own, 7));
  }
  let second = x_quad(8 * at + 4 + lane);
  let most = subgroupMax(max(largest(first), largest(second)));
  let own = rounded(first, most) / places;
  let next = rounded(second, most) / places;
  return Block(subgroupBroadcast(own, 0), subgroupBroadcast(own, 1), subgroupBroadcast(own, 2), subgroupBroadcast(own, 3),
               subgroupBroadcast(next, 0), subgroupBroadcast(next, 1), subgroupBroadcast(next, 2), subgroupBroadcast(next, 3));
}
