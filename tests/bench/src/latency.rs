//! Latencies, and what of them is shown.

use hdrhistogram::Histogram;

use crate::clock::Duration;

/// Latencies from a microsecond to ten minutes, to three digits.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, 600_000_000, 3).expect("the bounds of a histogram"))
    }
}

impl Latencies {
    /// Notes one.
    pub fn note(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    /// Adds those of another.
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("histograms of the same bounds");
    }

    /// What so many of a hundred stay below, milliseconds.
    pub fn percentile_ms(&self, percentile: f64) -> f64 {
        millis(self.0.value_at_percentile(percentile))
    }

    /// The longest, milliseconds.
    pub fn max_ms(&self) -> f64 {
        millis(self.0.max())
    }

    /// How many.
    pub fn count(&self) -> usize {
        usize::try_from(self.0.len()).unwrap_or(usize::MAX)
    }
}

fn millis(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64() * 1000.0
}
