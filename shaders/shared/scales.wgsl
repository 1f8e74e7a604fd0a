// Numbers that a group of GROUP_SIZE columns shares, as stored: 16 bits each, two a u32, or f32.
override GROUP_SIZE: u32 = 128; // multiple of 8
override SCALE: u32 = 0;        // as ELEMENT: 0 bf16, 1 f16, 2 f32

fn scale_from(word: u32, index: u32) -> f32 {
  if (SCALE == 2) { return bitcast<f32>(word); }
  if (SCALE == 1) { return unpack2x16float(word)[index & 1]; }
  return bitcast<f32>(select(word << 16, word & 0xffff0000u, (index & 1) == 1));
}

// u32 offset of a scale, from the start of the scales.
fn scale_word(index: u32) -> u32 {
  if (SCALE == 2) { return index; }
  return index >> 1;
}

// Groups of a row.
fn groups() -> u32 { return (params.cols + GROUP_SIZE - 1) / GROUP_SIZE; }
