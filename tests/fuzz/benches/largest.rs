//! The worst-case cost of each parser, time and memory, for a request of the largest accepted size.
//!
//! ```text
//! cargo bench -p fuzz                          all parsers, 32 MiB: some minutes
//! MUSTER_FUZZ_TARGET=records cargo bench -p fuzz
//! ```
//!
//! The inputs are the kept ones, repeated, and floods of separators of keys, values and lines. A parser that takes
//! more than a second is marked. Compare results of one machine, and of release builds only.

use fuzz::input::Spent;
use fuzz::targets::TARGETS;
use fuzz::{Input, Target, corpus};

/// The default of `max_body_bytes`, the largest accepted body.
const BYTES: usize = 32 << 20;

/// The parts of floods, used alone and in pairs.
const MARKS: [&str; 9] = ["\t", "\n", "&", "=", ",", ":", "a", "ID=1", "USER PIN=1"];

fn main() {
    let wanted = std::env::var("MUSTER_FUZZ_TARGET").unwrap_or_default();
    println!("| Parser | Slowest | Memory | Input |\n|---|---|---|---|");
    for target in TARGETS.iter().filter(|target| target.name.contains(&wanted)) {
        let (spent, what) = worst(target);
        let (ms, mib) = (spent.time.as_millis(), spent.most_bytes >> 20);
        let mark = if ms > 1_000 { " **above 1 s**" } else { "" };
        println!("| {} | {ms} ms{mark} | {mib} MiB | {what} |", target.name);
    }
}

/// The longest time and the most memory of all inputs of this size, and the slowest input.
fn worst(target: &Target) -> (Spent, String) {
    let (mut worst, mut slowest) = (Spent::default(), String::new());
    let mut take = |piece: &[u8], what: &str| {
        let bytes = piece.repeat(BYTES.div_ceil(piece.len().max(1)));
        let input = Input::only_read(bytes.get(..BYTES).unwrap_or(&bytes));
        (target.check)(&input);
        let spent = input.spent();
        if spent.time > worst.time {
            slowest = what.escape_debug().to_string();
        }
        worst.time = worst.time.max(spent.time);
        worst.most_bytes = worst.most_bytes.max(spent.most_bytes);
    };
    take(&corpus::inputs(target.name, target.seeds).concat(), "all kept inputs");
    for first in MARKS {
        take(first.as_bytes(), first);
        for second in MARKS.iter().filter(|second| **second != first) {
            let two = format!("{first}{second}");
            take(two.as_bytes(), &two);
        }
    }
    (worst, slowest)
}
