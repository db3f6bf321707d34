//! One input of a parser, and what parsing it may cost.

use std::borrow::Cow;
use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// What a parser may hold for each byte of its input, at most.
const BYTES_A_BYTE: usize = 16;
/// And for each line of it: the structures for what it says.
const BYTES_A_LINE: usize = 1024;
/// And for nothing at all: what is bounded by a number of things rather than by the input, with room to grow into.
const BYTES_AT_LEAST: usize = 4 << 20;

/// Bytes to be parsed.
#[derive(Debug)]
pub struct Input<'a> {
    bytes: &'a [u8],
    only_reads: bool,
    spent: Cell<Spent>,
}

/// What parsing an input cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// The most memory that it held at a time, in bytes.
    pub most_bytes: usize,
    /// How long it took.
    pub time: Duration,
}

impl<'a> Input<'a> {
    /// An input of which everything is checked.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, only_reads: false, spent: Cell::new(Spent { most_bytes: 0, time: Duration::ZERO }) }
    }

    /// An input that is parsed and no more: to see what that costs.
    pub const fn only_read(bytes: &'a [u8]) -> Self {
        Self { only_reads: true, ..Self::new(bytes) }
    }

    /// The bytes.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes as text, for parsers of text: what is no UTF-8 is replaced.
    pub fn text(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.bytes)
    }

    /// Parses. `None` where nothing but parsing is wanted.
    ///
    /// # Panics
    /// When the parser holds more memory at a time than an input of this size may cost.
    pub fn reads<T>(&self, parse: impl FnOnce() -> T) -> Option<T> {
        let lines = self.bytes.split(|byte| *byte == b'\n').count();
        self.reads_within(BYTES_A_BYTE * self.bytes.len() + BYTES_A_LINE * lines, parse)
    }

    /// Parses what is not made of lines. `None` where nothing but parsing is wanted.
    ///
    /// # Panics
    /// As [`Input::reads`], without an allowance for lines.
    pub fn reads_whole<T>(&self, parse: impl FnOnce() -> T) -> Option<T> {
        self.reads_within(BYTES_A_BYTE * self.bytes.len(), parse)
    }

    fn reads_within<T>(&self, most: usize, parse: impl FnOnce() -> T) -> Option<T> {
        let mut parsed = None;
        #[expect(clippy::disallowed_methods, reason = "what is measured is not what decides")]
        let began = Instant::now();
        let memory = allocation_counter::measure(|| parsed = Some(black_box(parse())));
        let before = self.spent.get();
        let most_bytes = usize::try_from(memory.bytes_max).unwrap_or(usize::MAX);
        self.spent.set(Spent {
            most_bytes: before.most_bytes.max(most_bytes),
            time: before.time.max(began.elapsed()),
        });
        let most = most + BYTES_AT_LEAST;
        let length = self.bytes.len();
        assert!(
            most_bytes <= most,
            "{most_bytes} bytes of memory for {length} bytes of input, at most {most}"
        );
        parsed.filter(|_| !self.only_reads)
    }

    /// What the costliest parser of this input cost so far.
    pub const fn spent(&self) -> Spent {
        self.spent.get()
    }
}
