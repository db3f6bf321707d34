//! All targets, on their kept inputs and on mutations of these.
//!
//! ```text
//! MUSTER_FUZZ_SECONDS=3600 cargo test -p fuzz              longer, 20 by default
//! MUSTER_FUZZ_TARGET=records cargo test -p fuzz            one target, or those whose names hold the text
//! MUSTER_FUZZ_SEED=7 MUSTER_FUZZ_CASE=123 …                one case again
//! ```

use std::time::{Duration, Instant};

use fuzz::Target;
use fuzz::run::{kept, mutated};
use fuzz::targets::TARGETS;

/// Number of fixed mutations of each target.
const CASES: u64 = 300;

const SEED: u64 = 2_041;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text}: want a number")))
}

fn chosen() -> Vec<&'static Target> {
    let wanted = std::env::var("MUSTER_FUZZ_TARGET").unwrap_or_default();
    let chosen: Vec<_> = TARGETS.iter().filter(|target| target.name.contains(&wanted)).collect();
    assert!(!chosen.is_empty(), "there is no target {wanted:?}");
    chosen
}

#[test]
fn the_kept_inputs_pass() {
    let failures: Vec<String> = chosen()
        .into_iter()
        .filter_map(|target| kept(target).err())
        .map(|failure| failure.report("a kept input"))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_fixed_mutations_pass() {
    mutate_each(SEED, |_| move |case| case < CASES);
}

#[test]
fn random_mutations_pass_for_the_given_time() {
    let seed = number("MUSTER_FUZZ_SEED").unwrap_or_else(|| fastrand::u64(..));
    eprintln!("MUSTER_FUZZ_SEED={seed}");
    if let Some(only) = number("MUSTER_FUZZ_CASE") {
        mutate_each(seed, |_| move |case| case == only);
        return;
    }
    let each = Duration::from_secs(number("MUSTER_FUZZ_SECONDS").unwrap_or(20)) / targets();
    mutate_each(seed, |_| {
        let began = now();
        move |_| began.elapsed() < each
    });
}

fn targets() -> u32 {
    u32::try_from(chosen().len()).expect("a list")
}

#[expect(clippy::disallowed_methods, reason = "how long to go on, not what to do")]
fn now() -> Instant {
    Instant::now()
}

/// Runs every target to its first failure, and reports all failures.
fn mutate_each<G: FnMut(u64) -> bool>(seed: u64, goes_on: impl Fn(&Target) -> G) {
    let first = number("MUSTER_FUZZ_CASE").unwrap_or(0);
    let mut failures = String::new();
    for target in chosen() {
        match mutated(target, seed, first, goes_on(target)) {
            Ok(cases) => println!("{}: {cases} cases", target.name),
            Err((case, failure)) => {
                let name = target.name;
                let replay = format!(
                    "again: MUSTER_FUZZ_TARGET={name:?} MUSTER_FUZZ_SEED={seed} MUSTER_FUZZ_CASE={case} cargo test -p fuzz other"
                );
                failures.push_str(&failure.report(&replay));
                failures.push('\n');
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}
