// What the sampling kernels share: 16 levels of probability that are measured in each slice, so that the search for the cut
// of top-k and top-p need only look at ids above a level that is known to be below the cut.

// How far below the most probable id a level lies, as -log of the relative probability. The last one holds everything but
// forbidden ids, whose depth is larger at any temperature that leaves a difference between the others.
fn depth_of(level: u32) -> f32 {
  if (level == LEVELS - 1) { return 1e25; }
  let x = f32(level + 1);
  return 0.25 * x + 0.1 * x * x; // 0.35, 0.9, 1.65, ..., 26.25
}

// -log of the probability relative to the most probable id.
fn depth(logit: f32, highest: f32) -> f32 { return (highest - logit) / state.temperature; }

fn highest_of_all() -> f32 {
  var highest = LOWEST;
  for (var slice = 0u; slice < num_slices(); slice++) { highest = max(highest, slices[slice].highest); }
  return highest;
}

fn limits_count() -> bool { return state.top_k > 0 && state.top_k < params.num_tokens; }

// Of all slices, by level.
var<workgroup> all_counts: array<u32, LEVELS>;
var<workgroup> all_masses: array<f32, LEVELS>;

// For what follows; a thread per level. Call in uniform control flow.
fn add_up(thread: u32) {
  if (thread < LEVELS) {
    var count = 0u;
    var mass = 0.0;
    for (var slice = 0u; slice < num_slices(); slice++) {
      count += slices[slice].counts[thread];
      mass += slices[slice].masses[thread];
    }
    all_counts[thread] = count;
    all_masses[thread] = mass;
  }
  workgroupBarrier();
}

// The highest level at or above which everything lies that the filters can keep.
fn enough() -> u32 {
  let everything = all_masses[LEVELS - 1];
  for (var level = 0u; level < LEVELS - 1; level++) {
    if (limits_count()) {
      if (all_counts[level] >= state.top_k) { return level; }
    } else if (state.top_p < 1 && all_masses[level] >= state.top_p * everything) {
      return level;
    }
    if (exp(-depth_of(level)) < state.min_p) { return level; }
  }
  return LEVELS - 1;
}
