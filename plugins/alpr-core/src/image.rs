//! Pixels of a frame: borrowed planes with stride, sampled into tensors and crops.
