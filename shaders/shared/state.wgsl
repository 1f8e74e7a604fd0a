// What a run is about; written by the CPU before each submit, in queue order. Fields: src/kernels/state.ts.
struct State {
  position: u32,     // absolute position of row 0
  rows: u32,         // rows in this run; the last one is the newest token
  temperature: f32,  // 0: greedy
  top_p: f32,        // 1: all
  top_k: u32,        // 0: all
  min_p: f32,        // 0: all
  random: f32,       // uniform in [0, 1)
  force_routes: u32, // 1: the router takes its choices from `forced` (comparisons of low-precision variants)
}
