// Chooses the next id from the logits: greedy, or temperature, top-k, top-p and min-p in Transformers' order.
//
//   logits  [num_tokens]  f32; ids from num_tokens on are unknown to the tokenizer and never chosen
//   ids     [1]           u32; the choice, which the next step's embedding reads
//   record  [1]           u32; the choice, for the CPU
//
// One workgroup. Filters keep a prefix of the ids in the order (logit descending, id ascending). Its last member, the
// cut, is found by a search over the bits of an order-preserving key, two bits a round, so that top-k and top-p are
// exact over the whole vocabulary without sorting: a round adds up, for each of four candidate keys, how much (count or
// probability) lies at or above it. Equal logits are told apart by a second search over the ids. More bits a round
// would need more workgroup memory, which SwiftShader zeroes by unrolled stores: 8 KiB cost it two seconds to compile.
// The choice inverts the cumulative distribution of what is kept, at state.random; ids stand in it by (id mod 128, id),
// the order in which threads hold them.
const THREADS = 128u;

struct Params {
  num_tokens: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> state: State;
@group(0) @binding(2) var<storage, read> logits: array<f32>;       // [num_tokens]
@group(0) @binding(3) var<storage, read_write> ids: array<u32>;    // [1]
@group(0) @binding(4) var<storage, read_write> record: array<u32>; // [1]

// Kept are ids whose (key, tie) is at or above the cut's.
struct Cut {
  key: u32,
  tie: u32,
}

var<workgroup> best_value: array<f32, THREADS>;
var<workgroup> best_id: array<u32, THREADS>;
var<workgroup> bins: array<vec4<f32>, THREADS>; // every thread's sums for four candidates
var<workgroup> totals: vec4<f32>;

// Larger logits have larger keys; every key of a number is above 0.
fn key_of(logit: f32) -> u32 {
  let bits = bitcast<u32>(logit);
  return select(bits | 0x80000000u, ~bits, (bits >> 31) == 1);
}

// Lower ids have larger ties.
fn tie_of(id: u32) -> u32 { return params.num_tokens - 1 - id; }

fn is_kept(id: u32, cut: Cut) -> bool {
  let key = key_of(logits[id]);
  return key > cut.key || (key == cut.key && tie_of(id) >= cut.tie);
}

fn probability(id: u32, highest: f32) -> f32 { return exp((logits[id] - highest) / state.temperature); }

// The least prefix of what `within` keeps whose measure (the count of ids, or their probability) reaches the limit:
// first the search for the cut's key, then for which of the ids that have this key are still needed.
fn find_cut(thread: u32, within: Cut, by_mass: bool, highest: f32) -> Cut {
  let tie_rounds = (33 - countLeadingZeros(params.num_tokens - 1)) / 2;
  var wanted = f32(state.top_k);
  var cut = Cut(0, 0);
  for (var round = 0u; round < 16 + tie_rounds; round++) {
    let by_tie = round >= 16;
    let low = 2 * (select(15 - round, 15 + tie_rounds - round, by_tie));
    let base = vec4(select(cut.key, cut.tie, by_tie) >> low) + vec4(0u, 1u, 2u, 3u);
    var sums = vec4(0.0);
    for (var id = thread; id < params.num_tokens; id += THREADS) {
      let key = key_of(logits[id]);
      if (!is_kept(id, within) || (by_tie && key < cut.key)) { continue; }
      var digits = key >> low;
      if (by_tie) { digits = select(tie_of(id), 0xffffffffu, key > cut.key) >> low; }
      var amount = 1.0;
      if (by_mass) { amount = probability(id, highest); }
      sums += select(vec4(0.0), vec4(amount), vec4(digits) >= base);
    }
    bins[thread] = sums;
    workgroupBarrier();
    if (thread == 0) {
      var sum = vec4(0.0);
      for (var other = 0u; other < THREADS; other++) { sum += bins[other]; }
      totals = sum;
    }
    workgroupBarrier();
    if (by_mass && round == 0) { wanted = state.top_p * totals.x; } // candidate 0 of the first digit: everything
    var digit = 3u; // the highest that still reaches the limit; 0 does by construction
    while (digit > 0 && totals[digit] < wanted) { digit--; }
    if (by_tie) { cut.tie |= digit << low; } else { cut.key |= digit << low; }
  }
  return cut;
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
  for (var step = 0u; step < 2; step++) { // one call, since drivers inline it and compile for seconds
    let by_mass = step == 1;
    let top_k = state.top_k > 0 && state.top_k < params.num_tokens;
    if (select(top_k, state.top_p < 1, by_mass)) { cut = find_cut(thread, cut, by_mass, highest); }
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
