//! Summaries of many numbers in little memory.

pub mod health;

use crate::event::records::Percentiles;

/// Buckets of a [`Histogram`].
const BUCKETS: usize = 96;

/// Ratio of neighbouring bucket limits: answers are at most this far off.
const GROWTH: f64 = 1.15;

/// Durations in milliseconds, counted in buckets that grow by 15 %: constant size, percentiles within 15 %.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: [u64; BUCKETS],
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], total: 0 }
    }
}

impl Histogram {
    /// Counts one duration in milliseconds; negative ones count as 0, those beyond ten minutes as the longest.
    pub fn add(&mut self, milliseconds: f64) {
        let bucket = if milliseconds <= 1.0 { 0.0 } else { milliseconds.ln() / GROWTH.ln() };
        self.counts[(bucket.ceil() as usize).min(BUCKETS - 1)] += 1;
        self.total += 1;
    }

    /// Durations that were counted.
    pub const fn len(&self) -> u64 {
        self.total
    }

    /// Whether none was counted.
    pub const fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The least bucket limit that at least `part` (0 to 1) of the durations do not exceed; 0 when there are none.
    pub fn percentile(&self, part: f64) -> f64 {
        let wanted = (part * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return if bucket == 0 { 1.0 } else { (GROWTH.powi(bucket as i32) * 10.0).round() / 10.0 };
            }
        }
        0.0
    }

    /// The usual percentiles.
    pub fn percentiles(&self) -> Percentiles {
        Percentiles { p50: self.percentile(0.5), p95: self.percentile(0.95), p99: self.percentile(0.99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_bucket() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(0.5), 0.0);
        for ms in 1..=1000 {
            histogram.add(f64::from(ms));
        }
        for (part, expected) in [(0.5, 500.0), (0.95, 950.0), (0.99, 990.0)] {
            let answer = histogram.percentile(part);
            assert!((expected..=expected * GROWTH).contains(&answer), "{part}: {answer}");
        }
        histogram.add(-1.0);
        histogram.add(1e12);
        assert_eq!(histogram.len(), 1002);
    }
}
