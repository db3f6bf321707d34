//! Messages of the protocol: a written message reads back.

use wire::{Base64, Charset, Command, OptionBlock, Query, Record, Target, count_lines, read_parameters};

use super::is_within;
use crate::Input;

/// Request parameters that are looked up by name.
const NAMES: [&str; 9] =
    ["SN", "table", "Stamp", "OpStamp", "INFO", "options", "pushver", "DeviceType", "language"];

/// A request target: endpoint and parameters can be read from any text.
///
/// # Panics
/// When a value is longer than the target.
pub fn request_target(input: &Input<'_>) {
    let text = input.text();
    let (path, query) =
        text.split_once('?').map_or((text.as_ref(), None), |(path, query)| (path, Some(query)));
    let Some(target) = input.reads_whole(|| Target::read(path, query)) else { return };
    values(&target.query, text.len());
}

/// A query.
///
/// # Panics
/// When a value is longer than the query.
pub fn query(input: &Input<'_>) {
    let text = input.text();
    let Some(query) = input.reads_whole(|| Query::new(&text)) else { return };
    values(&query, text.len());
    let _ = format!("{query:?}");
}

fn values(query: &Query<'_>, most: usize) {
    // A byte that is not UTF-8 becomes a character of three bytes; it takes three bytes in the query: `%ff`.
    for value in NAMES.iter().filter_map(|name| query.get(name)) {
        assert!(value.len() <= most);
    }
    let _ = (query.serial_number(), query.content_type(), query.is("options", "all"));
    assert!(query.stamp().is_none_or(|stamp| stamp.len() <= most));
}

/// The lines of an upload: no line is lost, each is a slice of the body, and a written record reads back.
///
/// # Panics
/// When one of these does not hold.
pub fn records(table: Option<&str>, input: &Input<'_>) {
    let body = input.bytes();
    let Some(lines) = input.reads(|| wire::records(table, body).collect::<Vec<_>>()) else { return };
    assert_eq!(lines.len(), count_lines(body));
    let mut before = 0;
    for line in &lines {
        assert!(line.number > before && is_within(body, line.raw));
        before = line.number;
        assert!(line.tag.len() <= 16);
        match &line.record {
            Ok(record) => record_again(record, line.raw),
            Err(error) => assert_eq!(error.line, line.number),
        }
    }
}

fn record_again(record: &Record<'_>, raw: &[u8]) {
    let written = written(record);
    assert!(written.len() <= 3 * raw.len() + 200, "{} bytes for {}", written.len(), raw.len());
    let mut lines = wire::records(None, &written);
    let read = lines.next().map(|line| line.record);
    assert!(lines.next().is_none(), "one line became two");
    let Some(Ok(read)) = read else { panic!("what was written cannot be read: {read:?}") };
    // A NUL or a CR within a value becomes a blank; there is no other difference.
    if raw.contains(&0) || raw.contains(&b'\r') {
        assert_eq!(written, self::written(&read));
    } else {
        assert_eq!(&read, record);
    }
    assert_eq!(read.clone().into_owned(), read);
}

fn written(record: &Record<'_>) -> Vec<u8> {
    let mut line = Vec::new();
    record.write(&mut line);
    line
}

/// Base64: accepted text decodes to `decoded_len` bytes and is written unchanged. Devices leave meaningless
/// bits in the last character.
///
/// # Panics
/// When one of these does not hold.
pub fn base64(input: &Input<'_>) {
    let Some(Ok(payload)) = input.reads_whole(|| Base64::read(input.bytes())) else { return };
    let bytes = payload.decode();
    assert_eq!(bytes.len(), payload.decoded_len());
    assert_eq!(payload.as_str().as_bytes(), input.bytes());
    let again = Base64::encode(&bytes);
    assert_eq!((again.decode(), again.as_str().len()), (bytes, payload.as_str().len()));
}

/// Names in each charset: encoded text (with `?` for missing characters) decodes to itself, and cut text fits.
///
/// # Panics
/// When one of these does not hold.
pub fn charsets(input: &Input<'_>) {
    for language in [None, Some(69), Some(83), Some(84)] {
        let charset = Charset::of_language(language);
        let Some(Some(text)) = input.reads_whole(|| charset.decode(language, input.bytes())) else {
            continue;
        };
        let encoded = charset.encode(&text);
        // GB2312 that is valid UTF-8 by chance may be read as either: see `Charset::decode`.
        if str::from_utf8(&encoded).is_ok_and(|text| !text.is_ascii()) && charset == Charset::Gb2312 {
            continue;
        }
        let again = charset.decode(language, &encoded).expect("what was encoded is decoded");
        assert_eq!(charset.encode(&again), encoded, "language {language:?}");
        assert_eq!(again.chars().count(), text.chars().count(), "language {language:?}");
        for most in [0, 1, 7, 24] {
            let cut = charset.cut(&text, most);
            assert!(text.starts_with(&cut) && charset.encode(&cut).len() <= most);
        }
    }
}

/// Parameters: no key is empty, no value contains a line end, and together they are at most as long as the body.
///
/// # Panics
/// When one of these does not hold.
pub fn parameters(input: &Input<'_>) {
    let body = input.bytes();
    let Some(parameters) = input.reads_whole(|| read_parameters(body)) else { return };
    let mut length = 0;
    for (key, value) in &parameters {
        assert!(!key.is_empty() && key.trim() == key && value.trim() == value);
        assert!(!key.contains(['\n', '\r', '\0']) && !value.contains(['\n', '\r', '\0']));
        length += key.len() + value.len();
    }
    assert!(length <= 3 * body.len());
}

/// Acknowledgements: a written answer reads back, except for values that contain the separator of keys.
///
/// # Panics
/// When it does not.
pub fn acknowledgements(input: &Input<'_>) {
    let body = input.bytes();
    let Some(answers) = input.reads_whole(|| wire::acknowledgements(body)) else { return };
    for answer in &answers {
        assert!(!answer.id.is_empty() && answer.id.len() <= 64);
        let mut written = Vec::new();
        answer.write(&mut written);
        assert!(written.len() <= 3 * body.len() + 64);
        let read = wire::acknowledgements(&written);
        let [read] = &read[..] else { panic!("one answer became {}", read.len()) };
        let parted = |text: &String| text.contains(['&', '\t', ',']);
        // Parameters of an INFO, and all keys before content, are written on separate lines.
        let in_lines = answer.is_info() || answer.content.is_some();
        let stands_alone = |pair: &(String, String)| {
            let (key, value) = pair;
            let alone = read_parameters(format!("{key}={value}").as_bytes()) == [pair.clone()];
            alone && !key.eq_ignore_ascii_case("Content")
        };
        let is_parted = parted(&answer.id)
            || answer.pairs.iter().any(|(key, value)| parted(key) || parted(value))
            || answer.command.as_ref().is_some_and(parted)
            || in_lines && !answer.pairs.iter().all(stands_alone);
        if !is_parted {
            assert_eq!(read, answer);
        }
    }
}

/// A command: it is written as one line, which reads back and is written the same again.
///
/// # Panics
/// When one of these does not hold.
pub fn command(input: &Input<'_>) {
    let line = input.bytes();
    let Some(Ok((id, command))) = input.reads_whole(|| Command::read(line)) else { return };
    let mut written = Vec::new();
    command.write(&id, &mut written);
    assert!(!written.contains(&b'\n') && written.len() <= 3 * line.len() + 200);
    let (read_id, read) = Command::read(&written).expect("what was written is read");
    assert_eq!(read_id, id);
    // A user is written with all fields, so that the written line has more fields than the first one.
    let mut again = Vec::new();
    read.write(&id, &mut again);
    assert_eq!(written, again);
}

/// An option block: a written block reads back.
///
/// # Panics
/// When it does not.
pub fn option_block(input: &Input<'_>) {
    let Some(Ok(block)) = input.reads_whole(|| OptionBlock::read(input.bytes())) else { return };
    let written = block.render();
    assert!(written.ends_with(b"\n"));
    let read = OptionBlock::read(&written).expect("what was written is read");
    assert_eq!(read.render(), written);
}
