// Log-probabilities of the chosen id and of the most probable ones, by the model's own logits:
//
//   STEP 0: of each slice, its highest logit and the sum of its probabilities relative to that
//   STEP 1: one workgroup adds them up, then takes the best slice again and again
//
//   logits  [num_tokens]  f32; ids from num_tokens on are unknown to the tokenizer
//   slices  [num_slices]  shared/slices.wgsl; sum in masses[0]. Scratch, no longer needed by the choice
//   record  [0] the chosen id; from record_at on: its log-probability (f32), then top_logprobs pairs of an id (u32) and its
//           log-probability (f32), in the order (logit descending, id ascending); beyond num_tokens ids, pairs of no id
override STEP: u32 = 0;

const THREADS = 64u; // few, since SwiftShader compiles the zeroing of each word of workgroup memory
const PER_THREAD = SLICE / THREADS;

struct Params {
  num_tokens: u32,
  record_at: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> extras: Extras;
@group(0) @binding(2) var<storage, read> logits: array<f32>;          // [num_tokens]
@group(0) @binding(3) var<storage, read_write> slices: array<Slice>;  // [num_slices]
@group(0) @binding(4) var<storage, read_write> record: array<u32>;    // [record_at + 1 + 2 * top_logprobs]

struct Best {
  logit: f32,
  id: u32,
}
var<workgroup> bests: array<Best, THREADS>; // every thread's; later its sum, as the logit

fn is_better(a: Best, b: Best) -> bool { return a.logit > b.logit || (a.logit == b.logit && a.id < b.id); }

// Ids of one thread follow each other.
fn first_id(slice: u32, thread: u32) -> u32 { return slice * SLICE + thread * PER_THREAD; }

fn end_id(slice: u32, thread: u32) -> u32 { return min(first_id(slice, thread) + PER_THREAD, params.num_tokens); }

// Notes the slice's best id that comes after `before`. Call in uniform control flow.
fn find_best_after(before: Best, slice: u32, thread: u32) {
  var best = Best(LOWEST, NO_ID);
  for (var id = first_id(slice, thread); id < end_id(slice, thread); id++) {
    let here = Best(logits[id], id);
    if (is_better(before, here) && is_better(here, best)) { best = here; }
  }
  bests[thread] = best;
  workgroupBarrier();
  if (thread == 0) {
    for (var other = 1u; other < THREADS; other++) {
      if (is_better(bests[other], best)) { best = bests[other]; }
    }
    slices[slice].highest = best.logit;
    slices[slice].id = best.id;
  }
  storageBarrier();
}

// In a fixed order, so that equal logits give equal sums.
fn add_probabilities(slice: u32, thread: u32) {
  let highest = slices[slice].highest;
  var sum = 0.0;
  for (var id = first_id(slice, thread); id < end_id(slice, thread); id++) { sum += exp(logits[id] - highest); }
  bests[thread].logit = sum;
  workgroupBarrier();
  if (thread != 0) { return; }
  for (var other = 1u; other < THREADS; other++) { sum += bests[other].logit; }
  slices[slice].masses[0] = sum;
}

fn best_slice() -> u32 {
  var best = 0u;
  for (var slice = 1u; slice < num_slices(); slice++) { // ascending ids: only a larger value takes the place
    if (slices[slice].highest > slices[best].highest) { best = slice; }
  }
  return best;
}

// Logarithm of the sum of all exponentials.
fn log_sum() -> f32 {
  let highest = slices[best_slice()].highest;
  var sum = 0.0;
  for (var slice = 0u; slice < num_slices(); slice++) {
    sum += slices[slice].masses[0] * exp(slices[slice].highest - highest);
  }
  return highest + log(sum);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) thread: u32) {
  if (STEP == 0) {
    find_best_after(Best(-LOWEST, 0), wid.x, thread);
    add_probabilities(wid.x, thread);
    return;
  }
  let total = log_sum();
  if (thread == 0) { record[params.record_at] = bitcast<u32>(logits[record[0]] - total); }
  for (var rank = 0u; rank < extras.top_logprobs; rank++) {
    let slice = best_slice();
    let best = Best(slices[slice].highest, slices[slice].id);
    let at = params.record_at + 1 + 2 * rank;
    if (thread == 0) {
      record[at] = best.id;
      record[at + 1] = bitcast<u32>(best.logit - total);
    }
    storageBarrier(); // all have read what thread 0 replaces
    find_best_after(best, slice, thread);
  }
}
