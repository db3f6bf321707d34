//! Captured requests.

use std::{fs, path::Path};

use wire::{Record, Target, records};

/// A request as a device sent it.
pub struct Capture {
    /// `POST /iclock/cdata?SN=…` without the version.
    request_line: String,
    /// The bytes after the empty line.
    pub body: Vec<u8>,
}

impl Capture {
    /// Reads `tests/fixtures/<name>.http`.
    pub fn read(name: &str) -> Self {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name).with_extension("http");
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .expect("an empty line after the headers");
        let head = str::from_utf8(&bytes[..end]).expect("ASCII headers");
        let request_line = head.lines().next().and_then(|line| line.strip_suffix(" HTTP/1.1"));
        Self {
            request_line: request_line.expect("a request line").to_owned(),
            body: bytes[end + 4..].to_vec(),
        }
    }

    /// The request's target.
    pub fn target(&self) -> Target<'_> {
        let (_, target) = self.request_line.split_once(' ').expect("method and target");
        match target.split_once('?') {
            Some((path, query)) => Target::read(path, Some(query)),
            None => Target::read(target, None),
        }
    }

    /// The records of the body, all of which must be readable.
    pub fn records(&self) -> Vec<Record<'_>> {
        let query = self.target().query;
        let table = query.table();
        records(table.as_deref(), &self.body)
            .map(|line| line.record.unwrap_or_else(|error| panic!("{error}")))
            .collect()
    }

    /// The only record of the body.
    pub fn record(&self) -> Record<'_> {
        let mut all = self.records();
        assert_eq!(all.len(), 1, "the body has one record");
        all.remove(0)
    }

    /// The text after the last `key=` of the body, up to the end of the line.
    pub fn value(&self, key: &str) -> &str {
        let body = str::from_utf8(&self.body).expect("a body of text");
        let (_, value) = body.rsplit_once(&format!("{key}=")).expect("the key is there");
        value.trim_end()
    }
}
