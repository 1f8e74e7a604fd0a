// What every matvec has: its params, its weights, the blobs that a dispatch multiplies by, and the end of a row.
// W is one matrix, or (EXPERT) the token's own out of a stack of blobs, `slots`, that lie in up to three shards; the
// shared expert may have a slot of its own. What lies in other shards, another dispatch computes.
override EXPERT: bool = false;
override SHARDS: u32 = 1; // at most 3
override PART: u32 = 1;   // of a stack: the shared expert, the routed one, or both

const SHARED = 0u;
const ROUTED = 1u;
const BOTH = 2u; // SWIGLU: y is [shared, routed]; otherwise x is, and the products are added up

struct Params {
  outputs: u32,
  cols: u32,        // multiple of 8
  scales_at: u32,   // u32 offsets in a blob
  zeros_at: u32,
  order_at: u32,
  y_at: u32,
  y_part: u32,      // outputs of a part in y
  first_slot: u32,  // of the first shard
  num_slots: u32,   // in all shards of this dispatch
  shard_slots: u32, // in each shard but the last
  slot_stride: u32, // u32, multiple of 4
  shared_slot: u32,
  eps: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> routes: array<Route>;    // [1]
@group(0) @binding(2) var<storage, read> blob0: array<vec4<u32>>; // [slots, blob]
@group(0) @binding(3) var<storage, read> blob1: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> blob2: array<vec4<u32>>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;     // [outputs] from y_at; PART both, SWIGLU: twice

var<private> shard: u32;
var<private> blob_at: u32; // u32 offset of the blob in its shard
var<private> x_from: u32;  // first column of x

// Which outputs and which parts a workgroup computes.
struct Task {
  group: u32,
  part: u32,
  end: u32,
}

fn task_of(workgroup: u32, outputs_per_group: u32) -> Task {
  if (PART != BOTH) { return Task(workgroup, PART, PART + 1); }
  if (!SWIGLU) { return Task(workgroup, SHARED, ROUTED + 1); }
  let groups = (params.outputs + outputs_per_group - 1) / outputs_per_group;
  let part = workgroup / groups;
  return Task(workgroup % groups, part, min(part, ROUTED) + 1); // empty past the end
}

// Turns to the blob of a part; false where it lies in another dispatch's shards.
fn find(part: u32) -> bool {
  if (!EXPERT) { return true; }
  var slot = params.shared_slot;
  if (part == ROUTED) { slot = routes[0].expert; }
  let at = slot - params.first_slot; // wraps below the first
  if (at >= params.num_slots) { return false; }
  let own = select(0, at / params.shard_slots, SHARDS > 1);
  shard = own;
  blob_at = (at - own * params.shard_slots) * params.slot_stride;
  x_from = select(0, part * params.cols, PART == BOTH && !SWIGLU);
  return true;
}

fn word_at(at: u32) -> u32 {
  if (SHARDS > 1 && shard == 1) { return blob1[at >> 2][at & 3]; }
  if (SHARDS > 2 && shard == 2) { return blob2[at >> 2][at & 3]; }
  return blob0[at >> 2][at & 3];
}

// One word of each of four rows; loads that belong together stand in one branch, so that none waits for another.
fn words_at(at: vec4<u32>) -> vec4<u32> {
  let quad = at >> vec4(2u);
  let place = at & vec4(3u);
  if (SHARDS > 1 && shard == 1) {
    return vec4(blob1[quad.x][place.x], blob1[quad.y][place.y], blob1[quad.z][place.z], blob1[quad.w][place.w]);
  }
  if (SHARDS > 2 && shard == 2) {
    return vec4(blob2[quad.x][place.x], blob2[quad.y][place.y], blob2[quad.z][place.z], blob2[quad.w][place.w]);
  }
  return vec4(blob0[quad.x][place.x], blob0[quad.y][place.y], blob0[quad.z][place.z], blob0[quad.w][place.w]);
}

// 16 bytes.
fn quad_at(at: u32) -> vec4<u32> {
  if (SHARDS > 1 && shard == 1) { return blob1[at]; }
  if (SHARDS > 2 && shard == 2) { return blob2[at]; }
  return blob0[at];
}

// 16 bytes of each of four rows.
fn quads_at(at: vec4<u32>) -> Quads {
  if (SHARDS > 1 && shard == 1) { return Quads(blob1[at.x], blob1[at.y], blob1[at.z], blob1[at.w]); }
  if (SHARDS > 2 && shard == 2) { return Quads(blob2[at.x], blob2[at.y], blob2[at.z], blob2[at.w]); }
  return Quads(blob0[at.x], blob0[at.y], blob0[at.z], blob0[at.w]);
}

struct Quads {
  x: vec4<u32>,
  y: vec4<u32>,
  z: vec4<u32>,
  w: vec4<u32>,
}

// The rows of a thread whose first output is `first`; clamped, so that overhanging threads stay in bounds.
fn rows_from(first: u32) -> vec4<u32> {
  let end = select(params.outputs, 2 * params.outputs, SWIGLU);
  return min(vec4(row_of(first, 0), row_of(first, 1), row_of(first, 2), row_of(first, 3)), vec4(end - 1));
}

// Writes a thread's outputs, from its rows' products.
fn finish_rows(first: u32, part: u32, products: vec4<f32>) {
  let score = select(1, routes[0].score, EXPERT && part == ROUTED);
  let from_y = params.y_at + select(0, part * params.y_part, PART == BOTH && SWIGLU) + first;
  if (first < params.outputs) { finish(from_y, products.x, products.z, score); }
  if (first + 1 < params.outputs) { finish(from_y + 1, products.y, products.w, score); }
  if (SWIGLU) { return; }
  if (first + 2 < params.outputs) { finish(from_y + 2, products.z, 0, score); }
  if (first + 3 < params.outputs) { finish(from_y + 3, products.w, 0, score); }
}
