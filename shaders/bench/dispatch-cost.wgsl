// As little as a dispatch can do while the next one has to wait for it, as those of a model do.

@group(0) @binding(0) var<storage, read_write> count: array<u32>;

@compute @workgroup_size(1)
fn main() {
  count[0] += 1u;
}
