// What a request asks beyond temperature and filters; written by the CPU before each submit that has such a request, in
// queue order. Fields: src/kernels/extras.ts.
struct Extras {
  adjusts: u32,       // 1: penalties and biases hold
  counts_input: u32,  // 1: ids[0] is the answer's newest id, and not counted yet
  masks: u32,         // 1: only ids of the mask may be chosen
  top_logprobs: u32,  // alternatives whose log-probabilities are recorded
  repetition_penalty: f32,
  presence_penalty: f32,
  frequency_penalty: f32,
}

// The logit of ids that must not be chosen: far below those of models, but finite, since WGSL does not promise infinities.
const FORBIDDEN = -1e30;
