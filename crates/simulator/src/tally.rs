//! Counts of the traffic between a device and its server.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

/// The counts of one device, or of a fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Initialization requests that were answered with options.
    pub handshakes: u64,
    /// Initialization requests that the server refused because the device is not approved.
    pub refused_handshakes: u64,
    /// Polls.
    pub polls: u64,
    /// Polls that the server answered with `OK`.
    pub idle_polls: u64,
    /// Executed command lines.
    pub commands: u64,
    /// Command lines without `C:<id>:`, which devices ignore.
    pub stray_lines: u64,
    /// Sent acknowledgements, by return code.
    pub return_codes: BTreeMap<i32, u64>,
    /// Accepted uploads.
    pub uploads: u64,
    /// Records in accepted uploads.
    pub records: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Failed exchanges, by cause.
    pub errors: BTreeMap<String, u64>,
    /// Latency of answers to polls.
    pub poll_latency: Latency,
    /// Latency of answers to uploads.
    pub upload_latency: Latency,
}

impl Tally {
    /// Adds the counts of another device.
    pub fn add(&mut self, other: &Self) {
        self.handshakes += other.handshakes;
        self.refused_handshakes += other.refused_handshakes;
        self.polls += other.polls;
        self.idle_polls += other.idle_polls;
        self.commands += other.commands;
        self.stray_lines += other.stray_lines;
        self.uploads += other.uploads;
        self.records += other.records;
        self.sent_bytes += other.sent_bytes;
        self.received_bytes += other.received_bytes;
        for (code, count) in &other.return_codes {
            *self.return_codes.entry(*code).or_default() += count;
        }
        for (error, count) in &other.errors {
            *self.errors.entry(error.clone()).or_default() += count;
        }
        self.poll_latency.add(&other.poll_latency);
        self.upload_latency.add(&other.upload_latency);
    }

    /// Number of failed exchanges.
    pub fn failures(&self) -> u64 {
        self.errors.values().sum()
    }
}

/// A histogram of durations. Four classes for each power of two give percentiles with an error of at most a fifth,
/// in little memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(into = "LatencySummary")]
pub struct Latency {
    count: u64,
    longest_us: u64,
    /// Number of durations by class.
    classes: BTreeMap<u32, u64>,
}

/// The latency of many exchanges in a few numbers, microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LatencySummary {
    /// Number of exchanges.
    pub count: u64,
    /// Median.
    pub p50_us: u64,
    /// 95th percentile.
    pub p95_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
    /// Maximum.
    pub longest_us: u64,
}

impl Latency {
    /// Adds one duration.
    pub fn record(&mut self, duration: Duration) {
        let microseconds = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.count += 1;
        self.longest_us = self.longest_us.max(microseconds);
        *self.classes.entry(class(microseconds)).or_default() += 1;
    }

    /// Adds the durations of another device.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.longest_us = self.longest_us.max(other.longest_us);
        for (class, count) in &other.classes {
            *self.classes.entry(*class).or_default() += count;
        }
    }

    /// The upper end of the class in which this share (per mille) of the durations is reached, microseconds.
    pub fn per_mille(&self, share: u64) -> u64 {
        let wanted = (self.count * share).div_ceil(1000);
        let mut seen = 0;
        for (class, count) in &self.classes {
            seen += count;
            if seen >= wanted {
                return upper_end(*class).min(self.longest_us);
            }
        }
        self.longest_us
    }
}

impl From<Latency> for LatencySummary {
    fn from(latency: Latency) -> Self {
        Self {
            count: latency.count,
            p50_us: latency.per_mille(500),
            p95_us: latency.per_mille(950),
            p99_us: latency.per_mille(990),
            longest_us: latency.longest_us,
        }
    }
}

/// Four classes for each power of two, chosen by the two bits after the highest one.
fn class(microseconds: u64) -> u32 {
    match microseconds.checked_ilog2() {
        None | Some(0 | 1) => u32::try_from(microseconds).unwrap_or(0),
        Some(octave) => octave * 4 + u32::try_from((microseconds >> (octave - 2)) & 3).unwrap_or(0),
    }
}

/// The longest duration of a class.
const fn upper_end(class: u32) -> u64 {
    if class < 8 {
        return class as u64;
    }
    let (octave, quarter) = (class / 4, class % 4);
    ((4 + quarter as u64 + 1) << (octave - 2)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact_or_at_most_a_fifth_too_high() {
        let mut latency = Latency::default();
        for microseconds in 1..=10_000 {
            latency.record(Duration::from_micros(microseconds));
        }
        for (share, truth) in [(500, 5000), (950, 9500), (990, 9900)] {
            let told = latency.per_mille(share);
            assert!((truth..=truth * 6 / 5).contains(&told), "{told} for {truth}");
        }
        assert_eq!(LatencySummary::from(latency).longest_us, 10_000);
    }

    #[test]
    fn every_duration_falls_into_the_class_that_ends_at_or_above_it() {
        for microseconds in (0..5000).chain([1 << 20, (1 << 30) + 7, u64::MAX / 2]) {
            assert!(upper_end(class(microseconds)) >= microseconds, "{microseconds}");
        }
    }

    #[test]
    fn tallies_add_up() {
        let mut one = Tally { polls: 2, ..Tally::default() };
        one.return_codes.insert(-10, 1);
        let mut sum = one.clone();
        sum.add(&one);
        assert_eq!((sum.polls, sum.return_codes.get(&-10)), (4, Some(&2)));
    }
}
