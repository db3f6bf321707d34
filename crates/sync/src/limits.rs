//! Limits of commands and exceptions, and the pauses before a repetition.

/// Limits of commands and exceptions, and the pauses before a repetition.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open commands of one device at a time (docs/sync.md, invariant 4).
    pub open: usize,
    /// Lines of one reply (§12; at most 200).
    pub lines: usize,
    /// Bytes of one reply (§12; at most 40,000). A single larger item is sent alone.
    pub bytes: usize,
    /// An item above this size is heavy, bytes. A reply holds at most one heavy item.
    pub heavy_bytes: usize,
    /// Due exceptions of one device, above which feed and scan pause (docs/decisions/0006-parked-exceptions.md).
    /// Parked exceptions do not count: they are the exact record of what a device lacks. Failed exceptions do not
    /// count either: a device that refuses much must still get deletions.
    pub due: usize,
    /// How often per hour Muster writes one item to one device in answer to its uploads and failures.
    pub writes_per_hour: u32,
    /// How long Muster waits for an acknowledgement, ms; doubled with every repetition.
    pub answer_ms: i64,
    /// The longest pause between repetitions, ms.
    pub longest_pause_ms: i64,
    /// The first pause after a temporary failure, ms; doubled with every failure.
    pub retry_ms: i64,
    /// After this many failures in a row, Muster tries once a day and shows the item to operators. With 10, the
    /// pauses before that add up to an hour and a half: no terminal is busy for that long.
    pub most_attempts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            open: 50,
            lines: 50,
            bytes: 40_000,
            heavy_bytes: 8_000,
            due: 1_000,
            writes_per_hour: 12,
            answer_ms: 60_000,
            longest_pause_ms: 3_600_000,
            retry_ms: 10_000,
            most_attempts: 10,
        }
    }
}

impl Limits {
    pub(crate) fn answer_pause(&self, sends: u32) -> i64 {
        grown(self.answer_ms, sends.saturating_sub(1), self.longest_pause_ms)
    }

    /// The pause after this many failures in a row, ms: once a day after [`Limits::most_attempts`].
    pub(crate) fn retry_pause(&self, attempts: u32) -> i64 {
        const DAY_MS: i64 = 86_400_000;
        if self.has_given_up(attempts) { DAY_MS } else { self.growing_pause(attempts) }
    }

    /// Whether this many failures in a row reach [`Limits::most_attempts`].
    pub(crate) const fn has_given_up(&self, attempts: u32) -> bool {
        attempts >= self.most_attempts
    }

    /// The pause after this many failures in a row, ms, without the limit of attempts.
    pub(crate) fn growing_pause(&self, attempts: u32) -> i64 {
        grown(self.retry_ms, attempts.saturating_sub(1), self.longest_pause_ms)
    }
}

fn grown(first_ms: i64, doublings: u32, most_ms: i64) -> i64 {
    first_ms.saturating_mul(1_i64 << doublings.min(30)).min(most_ms)
}
