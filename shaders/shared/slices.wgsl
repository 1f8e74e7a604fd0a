// Slices of the vocabulary, which workgroups look over side by side.
const SLICE = 1024u; // ids
const LEVELS = 16u;
const NO_ID = 0xffffffffu;
const LOWEST = -3.4e38; // below all logits

struct Slice {
  highest: f32,
  id: u32, // the lowest that has it
  counts: array<u32, LEVELS>, // ids at or above each level
  masses: array<f32, LEVELS>, // their probabilities, relative to the most probable id
}

fn num_slices() -> u32 { return (params.num_tokens + SLICE - 1) / SLICE; }
