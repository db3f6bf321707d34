//! Latency histograms.

use hdrhistogram::Histogram;

use crate::clock::Duration;

/// A histogram of latencies from one microsecond to ten minutes, with three significant digits.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, 600_000_000, 3).expect("the bounds of a histogram"))
    }
}

impl Latencies {
    /// Adds one latency.
    pub fn note(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    /// Adds another histogram.
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("histograms of the same bounds");
    }

    /// A percentile, ms.
    pub fn percentile_ms(&self, percentile: f64) -> f64 {
        millis(self.0.value_at_percentile(percentile))
    }

    /// The maximum, ms.
    pub fn max_ms(&self) -> f64 {
        millis(self.0.max())
    }

    /// Number of latencies.
    pub fn count(&self) -> usize {
        usize::try_from(self.0.len()).unwrap_or(usize::MAX)
    }
}

fn millis(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64() * 1000.0
}
