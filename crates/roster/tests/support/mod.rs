//! Helpers that the tests share: requests of real devices, and users as devices write them.

#![expect(dead_code, reason = "each test file uses some of these")]

use std::path::Path;

use roster::{
    Algorithm, Capability, Content, Evidence, Field, Format, ItemKey, Millis, Part, Reading, Slot, Template,
    UserPatch, first, read,
};
use wire::{BioType, Command, CommandId, Pin, PollInfo, Query, ReturnCode};

/// The body of a request that a real device sent.
pub fn body(fixture: &str) -> Vec<u8> {
    let request = request(fixture);
    let end = request.windows(4).position(|four| four == b"\r\n\r\n").expect("a fixture has a header block");
    request[end + 4..].to_vec()
}

/// The query of a request that a real device sent.
pub fn query(fixture: &str) -> String {
    let request = request(fixture);
    let line = request.split(|&byte| byte == b' ').nth(1).expect("a fixture has a request line");
    let target = std::str::from_utf8(line).expect("a request target is ASCII");
    target.split_once('?').expect("the fixture has a query").1.to_owned()
}

fn request(fixture: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/tests/fixtures").join(fixture);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Evidence of a refusal.
pub fn refusal() -> Evidence {
    Evidence { return_code: ReturnCode(-1002), kind: None, at: Millis(25), before: 7 }
}

/// The capability of a device that sent these options (`table=options`).
pub fn options(fixture: &str) -> Capability {
    let mut capability = Capability::default();
    capability.merge_parameters(&wire::read_parameters(&body(fixture)));
    capability
}

/// The capability of a device that reported these parameters.
pub fn told(parameters: &[(&str, &str)]) -> Capability {
    let mut capability = Capability::default();
    tell(&mut capability, parameters);
    capability
}

/// A device that showed that it cuts names at this many bytes.
pub fn cutting(capability: &Capability, bytes: usize) -> Capability {
    Capability::from_text(&format!("{}learned name bytes={bytes}\n", capability.to_text()))
}

/// A device that showed for two users that it keeps these fields.
pub fn keeping(fields: &[Field]) -> Capability {
    let lines: Vec<String> = fields.iter().map(|field| format!("kept field {field}=yes")).collect();
    Capability::from_text(&lines.join("\n"))
}

pub fn tell(capability: &mut Capability, parameters: &[(&str, &str)]) {
    let parameters: Vec<_> = parameters.iter().map(|&(name, value)| (name.into(), value.into())).collect();
    capability.merge_parameters(&parameters);
}

/// The `INFO` of a poll that a real device sent.
pub fn info(fixture: &str) -> PollInfo {
    let query = query(fixture);
    let info = Query::new(&query).get("INFO").expect("the fixture has INFO").into_owned();
    PollInfo::read(&info)
}

/// The patch of a `USER` line with these fields; `|` stands for a tab.
pub fn said_by(capability: &Capability, fields: &str) -> UserPatch {
    let line = format!("USER PIN=7|{fields}").replace('|', "\t");
    said_raw(capability, line.as_bytes())
}

/// As [`said_by`], from a device without known capabilities.
pub fn said(fields: &str) -> UserPatch {
    said_by(&Capability::default(), fields)
}

/// The patch of this line.
pub fn said_raw(capability: &Capability, line: &[u8]) -> UserPatch {
    match read(None, line, capability).pop() {
        Some(Reading::User { patch, .. }) => patch,
        other => panic!("no user: {other:?}"),
    }
}

/// The items of an upload whose lines are all readable.
pub fn items(table: Option<&str>, body: &[u8], capability: &Capability) -> Vec<(ItemKey, Content)> {
    read(table, body, capability)
        .into_iter()
        .filter_map(|reading| match reading {
            Reading::Item { key, content, .. } => Some((key, content)),
            Reading::Unreadable { line, reason, .. } => panic!("line {line}: {reason}"),
            Reading::User { .. } | Reading::Definition { .. } | Reading::Operation { .. } => None,
        })
        .collect()
}

/// A command without its id, with `|` for tabs.
fn line(command: &Command<'_>) -> String {
    let id: CommandId = "1".parse().expect("1 is an id");
    let mut bytes = Vec::new();
    command.write(&id, &mut bytes);
    let text = String::from_utf8(bytes).expect("these commands are ASCII");
    text.strip_prefix("C:1:").expect("a command begins with its id").replace('\t', "|")
}

/// Commands without their ids, with `|` for tabs.
pub fn lines(commands: &[Command<'_>]) -> Vec<String> {
    commands.iter().map(line).collect()
}

pub fn pin(text: &str) -> Pin {
    text.parse().expect("the test's PIN is one")
}

pub fn slot(bio_type: BioType, number: u8, format: Format, major: u16, minor: u16) -> Slot {
    Slot::template(bio_type, number, Algorithm { format, major, minor })
}

/// An `FP` line with a template that has no header.
pub fn print(finger: u8, valid: u8, size: usize) -> String {
    format!("FP PIN=7\tFID={finger}\tSize={size}\tValid={valid}\tTMP=AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")
}

/// The only item of an upload.
pub fn only(table: Option<&str>, body: &str, capability: &Capability) -> (ItemKey, Content) {
    let mut items = items(table, body.as_bytes(), capability);
    assert_eq!(items.len(), 1, "{body}");
    items.remove(0)
}

/// The item of a user record: see [`said_by`].
pub fn user(fields: &str) -> (ItemKey, Content) {
    let (fields, _) = first(&said(fields), false);
    (ItemKey { pin: pin("7"), slot: Slot::USER }, Content::User(fields))
}

/// The parts of a face 7.0, as `FACE` lines; the arbitrary bytes before each part are `prefix`.
pub fn face_lines(fids: impl IntoIterator<Item = u8>, prefix: u8) -> String {
    let line = |fid: u8| {
        let mut bytes = vec![prefix; 16];
        bytes.extend([b'Z', b'K', fid, 9, 9, 9, 9, 9]);
        let text = wire::Base64::encode(&bytes);
        format!("FACE PIN=7\tFID={fid}\tSIZE={}\tVALID=1\tTMP={}\n", text.as_str().len(), text.as_str())
    };
    fids.into_iter().map(line).collect()
}

pub fn template(index: u8, valid: u8, duress: bool, text: &str) -> Content {
    Content::Template(Template::single(Part { index, valid, duress, text: text.into() }))
}
