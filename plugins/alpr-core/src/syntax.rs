//! Plate formats of regions, applied to fused readings.
