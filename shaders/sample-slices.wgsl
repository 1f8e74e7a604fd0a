// Looks over the vocabulary before a token is chosen, many workgroups side by side, each with a slice of it:
//
//   STEP 0: the highest logit of each slice
//   STEP 1: how many ids, and how much probability, lie at or above each of 16 levels (not where temperature is 0)
//   STEP 2: the ids above the level that suffices, in ascending order, behind those of the slices before
//
//   logits      [num_tokens]  f32; ids from num_tokens on are unknown to the tokenizer
//   slices      [num_slices]  shared/slices.wgsl
//   candidates  [num_tokens]  u32
//
// One workgroup chooses from the candidates (sample.wgsl): over Llama 4's 202,048 ids it alone would take milliseconds,
// since a workgroup has the bandwidth of one core. Sums are made in a fixed order, so that equal logits give equal choices.
override STEP: u32 = 0;

const THREADS = 128u;
const PER_THREAD = SLICE / THREADS;
const PARTS = THREADS / LEVELS;

struct Params {
  num_tokens: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> state: State;
@group(0) @binding(2) var<storage, read> logits: array<f32>;            // [num_tokens]
@group(0) @binding(3) var<storage, read_write> slices: array<Slice>;    // [num_slices]
@group(0) @binding(4) var<storage, read_write> candidates: array<u32>;  // [num_tokens]
var<workgroup> values: array<f32, THREADS>;
var<workgroup> counts: array<u32, THREADS>;

// Ids of one thread follow each other.
fn first_id(slice: u32, thread: u32) -> u32 { return slice * SLICE + thread * PER_THREAD; }

fn find_highest(slice: u32, thread: u32) {
  var highest = f32(FORBIDDEN);
  var best = NO_ID; // where nothing may be chosen
  for (var i = 0u; i < PER_THREAD; i++) {
    let id = first_id(slice, thread) + i;
    if (id < params.num_tokens && logits[id] > highest) {
      highest = logits[id];
      best = id;
    }
  }
  values[thread] = highest;
  counts[thread] = best;
  workgroupBarrier();
  if (thread != 0) { return; }
  for (var other = 1u; other < THREADS; other++) { // ascending ids: only a larger value takes the place
    if (values[other] > highest) {
      highest = values[other];
      best = counts[other];
    }
  }
  slices[slice].highest = highest;
  slices[slice].id = best;
}

fn measure_levels(slice: u32, thread: u32) {
  let highest = highest_of_all();
  let level = thread % LEVELS;
  let limit = depth_of(level);
  var count = 0u;
  var mass = 0.0;
  for (var i = thread / LEVELS; i < SLICE; i += PARTS) {
    let id = slice * SLICE + i;
    if (id >= params.num_tokens) { break; }
    let below = depth(logits[id], highest);
    if (below <= limit) {
      count++;
      mass += exp(-below);
    }
  }
  values[thread] = mass;
  counts[thread] = count;
  workgroupBarrier();
  if (thread >= LEVELS) { return; }
  for (var part = 1u; part < PARTS; part++) {
    mass += values[part * LEVELS + thread];
    count += counts[part * LEVELS + thread];
  }
  slices[slice].counts[thread] = count;
  slices[slice].masses[thread] = mass;
}

fn gather(slice: u32, thread: u32) {
  add_up(thread);
  let level = enough();
  let highest = highest_of_all();
  let limit = depth_of(level);
  var count = 0u;
  for (var i = 0u; i < PER_THREAD; i++) {
    let id = first_id(slice, thread) + i;
    count += select(0u, 1u, id < params.num_tokens && depth(logits[id], highest) <= limit);
  }
  counts[thread] = count;
  workgroupBarrier();
  if (count == 0) { return; }
  var at = 0u;
  for (var before = 0u; before < slice; before++) { at += slices[before].counts[level]; }
  for (var other = 0u; other < thread; other++) { at += counts[other]; }
  for (var i = 0u; i < PER_THREAD; i++) {
    let id = first_id(slice, thread) + i;
    if (id < params.num_tokens && depth(logits[id], highest) <= limit) {
      candidates[at] = id;
      at++;
    }
  }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (STEP == 0) {
    find_highest(wid.x, thread);
  } else if (state.temperature > 0) {
    if (STEP == 1) { measure_levels(wid.x, thread); } else { gather(wid.x, thread); }
  }
}
