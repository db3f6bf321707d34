//! Fuzzing of parsers that are not in the list of targets because they are private to their crate or need a
//! running server.

use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::mutate::mutate;

/// The seed of the fixed cases, which are the same in every run.
const SEED: u64 = 2_041;

/// Number of fixed cases.
const CASES: u64 = 300;

/// Fraction of a run's time for one such check: one of this many parts.
const SHARE: u32 = 12;

/// The seed and the duration of a run.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// `MUSTER_FUZZ_SEED`, or a random one.
    pub seed: u64,
    /// `MUSTER_FUZZ_CASE`: run only this case.
    pub only: Option<u64>,
    /// `MUSTER_FUZZ_SECONDS`, 20 by default.
    pub time: Duration,
}

impl Run {
    /// Reads the environment.
    ///
    /// # Panics
    /// When a variable is not a number.
    pub fn of_environment() -> Self {
        let number = |name: &str| {
            let text = std::env::var(name).ok()?;
            Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name}={text}: want a number")))
        };
        Self {
            seed: number("MUSTER_FUZZ_SEED").unwrap_or_else(|| fastrand::u64(..)),
            only: number("MUSTER_FUZZ_CASE"),
            time: Duration::from_secs(number("MUSTER_FUZZ_SECONDS").unwrap_or(20)),
        }
    }
}

/// The input of a case: kept inputs, mutated by a seed.
///
/// # Panics
/// Without any kept input.
pub fn input(kept: &[Vec<u8>], seed: u64, case: u64) -> Vec<u8> {
    let mut random = Rng::with_seed(seed ^ case.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut input = kept[random.usize(..kept.len())].clone();
    let other = &kept[random.usize(..kept.len())];
    mutate(&mut input, other, &mut random);
    input
}

/// Runs a check on the kept inputs, on cases of a fixed seed, and on cases of this run's seed for a part of its
/// time. A failure panics. Seed and case are printed before, and a failed test shows them.
///
/// # Panics
/// When the check does.
pub fn each(kept: &[Vec<u8>], mut check: impl FnMut(&[u8])) {
    let run = Run::of_environment();
    eprintln!("MUSTER_FUZZ_SEED={}", run.seed);
    if let Some(only) = run.only {
        return check(&input(kept, run.seed, only));
    }
    for input in kept {
        check(input);
    }
    let mut one = |seed, case| {
        let failing = Failing { seed, case };
        check(&input(kept, seed, case));
        std::mem::forget(failing);
    };
    (0..CASES).for_each(|case| one(SEED, case));
    let (began, most, mut case) = (now(), run.time / SHARE, 0);
    while began.elapsed() < most {
        one(run.seed, case);
        case += 1;
    }
}

/// Prints the failing case when a panic drops it.
struct Failing {
    seed: u64,
    case: u64,
}

impl Drop for Failing {
    fn drop(&mut self) {
        eprintln!("again: MUSTER_FUZZ_SEED={} MUSTER_FUZZ_CASE={}", self.seed, self.case);
    }
}

#[expect(clippy::disallowed_methods, reason = "it decides how long to run, not the result")]
fn now() -> Instant {
    Instant::now()
}
