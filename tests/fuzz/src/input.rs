//! The input of a parser, and the cost of parsing it.

use std::borrow::Cow;
use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Most memory per input byte, bytes.
const BYTES_A_BYTE: usize = 16;
/// Further memory per input line, bytes: the structures for its record.
const BYTES_A_LINE: usize = 1024;
/// Base allowance, bytes: for structures whose size has a fixed limit instead of depending on the input, including
/// growth.
const BYTES_AT_LEAST: usize = 4 << 20;

/// Bytes to parse.
#[derive(Debug)]
pub struct Input<'a> {
    bytes: &'a [u8],
    only_reads: bool,
    spent: Cell<Spent>,
}

/// The cost of parsing an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Peak memory, bytes.
    pub most_bytes: usize,
    /// Duration.
    pub time: Duration,
}

impl<'a> Input<'a> {
    /// An input with all checks.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, only_reads: false, spent: Cell::new(Spent { most_bytes: 0, time: Duration::ZERO }) }
    }

    /// An input that is only parsed, to measure the cost.
    pub const fn only_read(bytes: &'a [u8]) -> Self {
        Self { only_reads: true, ..Self::new(bytes) }
    }

    /// The bytes.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes as text, for parsers of text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.bytes)
    }

    /// Parses the input. Returns `None` if only parsing is wanted.
    ///
    /// # Panics
    /// When the parser uses more memory than an input of this size may cost.
    pub fn reads<T>(&self, parse: impl FnOnce() -> T) -> Option<T> {
        let lines = self.bytes.split(|byte| *byte == b'\n').count();
        self.reads_within(BYTES_A_BYTE * self.bytes.len() + BYTES_A_LINE * lines, parse)
    }

    /// Parses input that does not consist of lines. Returns `None` if only parsing is wanted.
    ///
    /// # Panics
    /// As [`Input::reads`], without the allowance for lines.
    pub fn reads_whole<T>(&self, parse: impl FnOnce() -> T) -> Option<T> {
        self.reads_within(BYTES_A_BYTE * self.bytes.len(), parse)
    }

    fn reads_within<T>(&self, most: usize, parse: impl FnOnce() -> T) -> Option<T> {
        let mut parsed = None;
        #[expect(clippy::disallowed_methods, reason = "the time is measured and decides nothing")]
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

    /// The cost of the most expensive parser of this input so far.
    pub const fn spent(&self) -> Spent {
        self.spent.get()
    }
}
