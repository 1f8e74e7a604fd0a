// Reads `source` once, 16 bytes at a time, and keeps nothing: what is left is the time of the reads.
//
// A workgroup reads `EACH * WORKGROUP` neighbouring vectors; at each step its threads stand beside each other, so that a GPU
// joins their loads. Eight loads are in flight in each thread.

@group(0) @binding(0) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> unlikely: array<u32>;

override WORKGROUP: u32 = 64u;
/** Vectors per thread, a multiple of 8. */
override EACH: u32 = 64u;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) thread: vec3<u32>) {
  var at = group.x * WORKGROUP * EACH + thread.x;
  var seen = vec4<u32>();
  for (var step = 0u; step < EACH / 8u; step++) {
    let a = source[at] ^ source[at + WORKGROUP];
    let b = source[at + 2u * WORKGROUP] ^ source[at + 3u * WORKGROUP];
    let c = source[at + 4u * WORKGROUP] ^ source[at + 5u * WORKGROUP];
    let d = source[at + 6u * WORKGROUP] ^ source[at + 7u * WORKGROUP];
    seen ^= (a ^ b) ^ (c ^ d);
    at += 8u * WORKGROUP;
  }
  // No compiler can know that this does not happen, so none leaves the reads out.
  if (all(seen == vec4<u32>(0x9e3779b9u, 0x7f4a7c15u, 0xf39cc060u, 0x5cedc834u))) {
    unlikely[0] = 1u;
  }
}
