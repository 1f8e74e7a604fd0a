// Chooses the next id from the logits: greedy, or temperature, top-k, top-p and min-p in Transformers' order.
//
//   logits  [num_tokens]  f32; ids from num_tokens on are unknown to the tokenizer and never chosen
//   ids     [1]           u32; the choice, which the next step's embedding reads
//   record  [1]           u32; the choice, for the CPU
//
// One workgroup. Filters keep a prefix of the ids in the order (logit descending, id ascending). Its last member, the
// cut, is found by a search over the bits of an order-preserving key, four bits a pass, so that top-k and top-p are
// exact over the whole vocabulary without sorting: a pass adds up, for each of 16 candidate keys, how much (count or
// probability) lies at or above it. Equal logits are told apart by a second search over the ids.
// The choice inverts the cumulative distribution of what is kept, at state.random.
const THREADS = 128u;

struct Params {
  num_tokens: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> state: State;
@group(0) @binding(2) var<storage, read> logits: array<f32>;       // [num_tokens]
@group(0) @binding(3) var<storage, read_write> ids: array<u32>;    // [1]
@group(0) @binding(4) var<storage, read_write> record: array<u32>; // [1]

// Kept are ids whose (key, inverted id) is at or above the cut.
struct Cut {
  key: u32,
  tie: u32,
}

var<workgroup> best_value: array<f32, THREADS>;
var<workgroup> best_id: array<u32, THREADS>;
var<workgroup> bins: array<array<f32, 16>, THREADS>; // 8 KiB
var<workgroup> totals: array<f32, 16>;

// Larger logits have larger keys; every key of a number is above 0.
fn key_of(logit: f32) -> u32 {
  let bits = bitcast<u32>(logit);
  return select(bits | 0x80000000u, ~bits, (bits >> 31) == 1);
}

fn is_kept(id: u32, cut: Cut) -> bool {
  let key = key_of(logits[id]);
  return key > cut.key || (key == cut.key && ~id >= cut.tie);
}

fn probability(id: u32, highest: f32) -> f32 { return exp((logits[id] - highest) / state.temperature); }

// What an id adds to a measure: one, or its unnormalized probability.
fn measure_of(id: u32, highest: f32, by_mass: bool) -> f32 {
  if (by_mass) { return probability(id, highest); }
  return 1.0;
}

// totals[c] = sum over threads of bins[thread][c].
fn add_bins(thread: u32) {
  workgroupBarrier();
  if (thread < 16) {
    var sum = 0.0;
    for (var other = 0u; other < THREADS; other++) { sum += bins[other][thread]; }
    totals[thread] = sum;
  }
  workgroupBarrier();
}

// The highest digit whose total still reaches the target; 0 reaches it by construction.
fn digit_reaching(wanted: f32) -> u32 {
  var digit = 15u;
  while (digit > 0 && totals[digit] < wanted) { digit--; }
  return digit;
}

// The least prefix of what `within` keeps whose measure reaches `wanted`.
fn find_cut(thread: u32, within: Cut, wanted: f32, by_mass: bool, highest: f32) -> Cut {
  var key = 0u;
  for (var shift = 32u; shift > 0; shift -= 4) {
    let low = shift - 4;
    var sums = array<f32, 16>(); // spelled out: see matmul-int4
    for (var id = thread; id < params.num_tokens; id += THREADS) {
      if (!is_kept(id, within)) { continue; }
      let amount = measure_of(id, highest, by_mass);
      let digits = key_of(logits[id]) >> low;
      for (var c = 0u; c < 16; c++) { sums[c] += select(0.0, amount, digits >= (key >> low) + c); }
    }
    bins[thread] = sums;
    add_bins(thread);
    key |= digit_reaching(wanted) << low;
    workgroupBarrier();
  }
  // Ties: the key is now that of the cut; which of its ids are still needed?
  var tie = 0u;
  for (var shift = 32u; shift > 0; shift -= 4) {
    let low = shift - 4;
    var sums = array<f32, 16>(); // spelled out: see matmul-int4
    for (var id = thread; id < params.num_tokens; id += THREADS) {
      let own = key_of(logits[id]);
      if (own < key || !is_kept(id, within)) { continue; }
      let amount = measure_of(id, highest, by_mass);
      let digits = ~id >> low;
      for (var c = 0u; c < 16; c++) { sums[c] += select(0.0, amount, own > key || digits >= (tie >> low) + c); }
    }
    bins[thread] = sums;
    add_bins(thread);
    tie |= digit_reaching(wanted) << low;
    workgroupBarrier();
  }
  return Cut(key, tie);
}

// Sum of the probabilities that `cut` keeps.
fn mass_of(thread: u32, cut: Cut, highest: f32) -> f32 {
  var sum = 0.0;
  for (var id = thread; id < params.num_tokens; id += THREADS) {
    if (is_kept(id, cut)) { sum += probability(id, highest); }
  }
  bins[thread] = array<f32, 16>();
  bins[thread][0] = sum;
  add_bins(thread);
  let total = totals[0];
  workgroupBarrier();
  return total;
}

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32) {
  var value = -3.4e38;
  var id = 0xffffffffu;
  for (var candidate = thread; candidate < params.num_tokens; candidate += THREADS) {
    if (logits[candidate] > value) {
      value = logits[candidate];
      id = candidate;
    }
  }
  best_value[thread] = value;
  best_id[thread] = id;
  workgroupBarrier();
  var best = 0u;
  for (var other = 1u; other < THREADS; other++) {
    let better = best_value[other] > best_value[best];
    let lower = best_value[other] == best_value[best] && best_id[other] < best_id[best];
    if (better || lower) { best = other; }
  }
  let highest = best_value[best];
  if (state.temperature == 0) {
    if (thread == 0) { choose(best_id[best]); }
    return;
  }
  var cut = Cut(0, 0);
  if (state.top_k > 0 && state.top_k < params.num_tokens) { cut = find_cut(thread, cut, f32(state.top_k), false, highest); }
  if (state.top_p < 1) {
    let total = mass_of(thread, cut, highest);
    cut = find_cut(thread, cut, state.top_p * total, true, highest);
  }
  // Each thread's share of what is kept, then thread 0 finds the share, and in it the id, that state.random falls in.
  var share = 0.0;
  for (var candidate = thread; candidate < params.num_tokens; candidate += THREADS) {
    let p = probability(candidate, highest);
    if (is_kept(candidate, cut) && p >= state.min_p) { share += p; }
  }
  workgroupBarrier();
  best_value[thread] = share;
  workgroupBarrier();
  if (thread != 0) { return; }
  var total = 0.0;
  for (var other = 0u; other < THREADS; other++) { total += best_value[other]; }
  var left = state.random * total;
  var chosen = best_id[best]; // the most probable id is always kept
  for (var other = 0u; other < THREADS; other++) {
    if (best_value[other] == 0) { continue; }
    if (left >= best_value[other]) {
      left -= best_value[other];
      continue;
    }
    for (var candidate = other; candidate < params.num_tokens; candidate += THREADS) {
      let p = probability(candidate, highest);
      if (!is_kept(candidate, cut) || p < state.min_p) { continue; }
      chosen = candidate;
      if (left < p) { break; }
      left -= p;
    }
    break;
  }
  choose(chosen);
}

fn choose(id: u32) {
  ids[0] = id;
  record[0] = id;
}
