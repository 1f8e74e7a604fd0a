// Chooses the next id from the logits: greedy, or temperature, top-k, top-p and min-p in Transformers' order.
//
//   logits      [num_tokens]  f32; ids from num_tokens on are unknown to the tokenizer and never chosen
//   slices      [num_slices]  what sample-slices found out
//   candidates  [count]       u32, ascending: all ids that the filters can keep, and some more
//   ids         [1]           u32; the choice, which the next step's embedding reads; NO_ID where all are forbidden
//   record      [1]           u32; the choice, for the CPU
//
// One workgroup. Filters keep a prefix of the ids in the order (logit descending, id ascending). Its last member, the
// cut, is found by a search over the bits of an order-preserving key, two bits a round, so that top-k and top-p are
// exact over the whole vocabulary without sorting: a round adds up, for each of four candidate keys, how much (count or
// probability) lies at or above it. Equal logits are told apart by a second search over the ids. More bits a round
// would need more workgroup memory, which SwiftShader zeroes by unrolled stores: 8 KiB cost it two seconds to compile.
// For its sake, too, a round's sums are taken in turns, of threads side by side, before one thread adds up what is left.
// The choice inverts the cumulative distribution of what is kept, by ascending ids, at state.random.
const THREADS = 128u;
const BINS = 32u;

struct Params {
  num_tokens: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> state: State;
@group(0) @binding(2) var<storage, read> logits: array<f32>;        // [num_tokens]
@group(0) @binding(3) var<storage, read> slices: array<Slice>;      // [num_slices]
@group(0) @binding(4) var<storage, read> candidates: array<u32>;    // [num_tokens]
@group(0) @binding(5) var<storage, read_write> ids: array<u32>;     // [1]
@group(0) @binding(6) var<storage, read_write> record: array<u32>;  // [1]

// Kept are ids whose (key, tie) is at or above the cut's.
struct Cut {
  key: u32,
  tie: u32,
}

var<workgroup> shares: array<f32, THREADS>;
var<workgroup> bins: array<vec4<f32>, BINS>; // sums of every 32nd thread for four candidates
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

fn probability(id: u32, highest: f32) -> f32 { return exp(-depth(logits[id], highest)); }

// The least prefix of what `within` keeps whose measure (the count of ids, or their probability) reaches the limit:
// first the search for the cut's key, then for which of the ids that have this key are still needed.
fn find_cut(thread: u32, count: u32, within: Cut, by_mass: bool, highest: f32) -> Cut {
  let tie_rounds = (33 - countLeadingZeros(params.num_tokens - 1)) / 2;
  var wanted = f32(state.top_k);
  var cut = Cut(0, 0);
  for (var round = 0u; round < 16 + tie_rounds; round++) {
    let by_tie = round >= 16;
    let low = 2 * (select(15 - round, 15 + tie_rounds - round, by_tie));
    let base = vec4(select(cut.key, cut.tie, by_tie) >> low) + vec4(0u, 1u, 2u, 3u);
    var sums = vec4(0.0);
    for (var i = thread; i < count; i += THREADS) {
      let id = candidates[i];
      let key = key_of(logits[id]);
      if (!is_kept(id, within) || (by_tie && key < cut.key)) { continue; }
      var digits = key >> low;
      if (by_tie) { digits = select(tie_of(id), 0xffffffffu, key > cut.key) >> low; }
      var amount = 1.0;
      if (by_mass) { amount = probability(id, highest); }
      sums += select(vec4(0.0), vec4(amount), vec4(digits) >= base);
    }
    if (thread < BINS) { bins[thread] = sums; }
    workgroupBarrier();
    for (var turn = 1u; turn < THREADS / BINS; turn++) {
      if (thread / BINS == turn) { bins[thread % BINS] += sums; }
      workgroupBarrier();
    }
    if (thread == 0) {
      var sum = vec4(0.0);
      for (var bin = 0u; bin < BINS; bin++) { sum += bins[bin]; }
      totals = sum;
    }
    workgroupBarrier();
    if (by_mass && round == 0) {
      wanted = state.top_p * totals.x; // candidate 0 of the first digit: everything that top-k keeps
      if (!limits_count()) { wanted = state.top_p * all_masses[LEVELS - 1]; }
    }
    var digit = 3u; // the highest that still reaches the limit; 0 does by construction
    while (digit > 0 && totals[digit] < wanted) { digit--; }
    if (by_tie) { cut.tie |= digit << low; } else { cut.key |= digit << low; }
  }
  return cut;
}

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32) {
  var best = 0u;
  for (var slice = 1u; slice < num_slices(); slice++) { // ascending ids: only a larger value takes the place
    if (slices[slice].highest > slices[best].highest) { best = slice; }
  }
  let highest = slices[best].highest;
  if (state.temperature == 0 || slices[best].id == NO_ID) {
    if (thread == 0) { choose(slices[best].id); }
    return;
  }
  add_up(thread);
  let count = all_counts[enough()];
  var cut = Cut(0, 0);
  for (var step = 0u; step < 2; step++) { // one call, since drivers inline it and compile for seconds
    let by_mass = step == 1;
    if (select(limits_count(), state.top_p < 1, by_mass)) { cut = find_cut(thread, count, cut, by_mass, highest); }
  }
  // Each thread's share of what is kept, then thread 0 finds the share, and in it the id, that state.random falls in.
  let per_thread = (count + THREADS - 1) / THREADS;
  let end = min(count, (thread + 1) * per_thread);
  var share = 0.0;
  for (var i = thread * per_thread; i < end; i++) { share += weight(candidates[i], cut, highest); }
  shares[thread] = share;
  workgroupBarrier();
  if (thread != 0) { return; }
  var total = 0.0;
  for (var other = 0u; other < THREADS; other++) { total += shares[other]; }
  var left = state.random * total;
  var chosen = slices[best].id; // the most probable id is always kept
  for (var other = 0u; other < THREADS; other++) {
    if (shares[other] == 0) { continue; }
    if (left >= shares[other]) {
      left -= shares[other];
      continue;
    }
    for (var i = other * per_thread; i < min(count, (other + 1) * per_thread); i++) {
      let p = weight(candidates[i], cut, highest);
      if (p == 0) { continue; }
      chosen = candidates[i];
      if (left < p) { break; }
      left -= p;
    }
    break;
  }
  choose(chosen);
}

// 0 for what the filters do not keep.
fn weight(id: u32, cut: Cut, highest: f32) -> f32 {
  let p = probability(id, highest);
  return select(0.0, p, is_kept(id, cut) && p >= state.min_p);
}

fn choose(id: u32) {
  ids[0] = id;
  record[0] = id;
}
