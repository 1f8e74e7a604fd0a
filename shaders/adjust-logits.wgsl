// Logits as the choice sees them: penalties, then biases, then the mask.
//
//   logits    [num_tokens]     f32; as the model computed them
//   ids       [1]              u32; the id that this run was fed with
//   mask      [num_tokens/32]  u32, rounded up: bit id % 32 of word id / 32 is set where the id may be chosen
//   entries   [num_tokens]     what is known of each id; the CPU writes it before an answer's first choice
//   adjusted  [num_tokens]     f32; FORBIDDEN where an id must not be chosen
//
// Steps run ahead of the CPU, so the answer's ids are counted here: each thread has one id, and the one whose id was fed
// counts it before it looks.
const THREADS = 128u;
const IN_PROMPT = 0x80000000u;

struct Params {
  num_tokens: u32,
}

struct Entry {
  bias: f32,
  seen: u32, // IN_PROMPT, plus how often the answer has it
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> extras: Extras;
@group(0) @binding(2) var<storage, read> logits: array<f32>;            // [num_tokens]
@group(0) @binding(3) var<storage, read> ids: array<u32>;               // [1]
@group(0) @binding(4) var<storage, read> mask: array<u32>;              // [num_tokens / 32]
@group(0) @binding(5) var<storage, read_write> entries: array<Entry>;   // [num_tokens]
@group(0) @binding(6) var<storage, read_write> adjusted: array<f32>;    // [num_tokens]

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) gid: vec3u) {
  let id = gid.x;
  if (id >= params.num_tokens) { return; }
  var logit = logits[id];
  if (extras.adjusts == 1) { logit = penalize(id, logit) + entries[id].bias; }
  if (extras.masks == 1 && ((mask[id / 32] >> (id % 32)) & 1) == 0) { logit = FORBIDDEN; }
  adjusted[id] = max(logit, FORBIDDEN);
}

fn penalize(id: u32, logit: f32) -> f32 {
  var seen = entries[id].seen;
  if (extras.counts_input == 1 && ids[0] == id) {
    seen++;
    entries[id].seen = seen;
  }
  if (seen == 0) { return logit; }
  let repetition = extras.repetition_penalty;
  let repeated = select(logit * repetition, logit / repetition, logit > 0);
  let times = seen & ~IN_PROMPT;
  return repeated - select(0.0, extras.presence_penalty, times > 0) - extras.frequency_penalty * f32(times);
}
