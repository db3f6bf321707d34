//! What the lines of uploads become, and how it is kept.

use roster::{
    Capability, Content, HashKey, ItemKey, Kind, Reading, Slot, Uploader, UserPatch, delete, first, hash,
    inspect, merge, update,
};
use wire::{CardForm, Command, Handshake, PollInfo, Query, read_parameters};

use crate::Input;

const KEY: HashKey = HashKey::new([7; 32]);

/// How many records of an upload are followed to where they are kept and sent.
const MOST_LOOKED_AT: usize = 1_000;

/// Devices of two kinds: one of which nothing is known, and one with everything that changes what is written.
fn capabilities() -> [Capability; 2] {
    let mut old = Capability::default();
    old.merge_handshake(&Handshake::read(&Query::new("SN=OLD0001&options=all&language=83")));
    old.merge_parameters(&read_parameters(b"~DeviceName=iFace302,FPVersion=10,FaceVersion=7,PvVersion=12"));
    old.learn_card_form(CardForm::Hex);
    let old = Capability::from_text(&format!("{}learned name bytes=24\n", old.to_text()));
    [Capability::default(), old]
}

/// An upload: no line is lost; what is kept of each is kept as it is, is the same content when it comes again, and
/// goes out as commands of one line each.
///
/// # Panics
/// When it is not so.
pub fn upload(input: &Input<'_>) {
    let body = input.bytes();
    for capability in &capabilities() {
        let Some(readings) = input.reads(|| roster::read(Some("OPERLOG"), body, capability)) else {
            continue;
        };
        no_line_is_lost(body, &readings);
        // What is true of these is true of the others of a flood.
        for reading in readings.iter().take(MOST_LOOKED_AT) {
            match reading {
                Reading::User { pin, patch, .. } => user(pin.clone(), patch, capability),
                Reading::Item { key, content, raw, .. } => {
                    assert!(content.wire_bytes() <= 3 * raw.len() + 200);
                    kept(key, content, capability);
                }
                Reading::Definition { text, raw, .. } => assert!(text.len() <= 3 * raw.len() + 200),
                Reading::Operation { .. } | Reading::Unreadable { .. } => {}
            }
        }
    }
}

fn no_line_is_lost(body: &[u8], readings: &[Reading<'_>]) {
    // By their lines, and so by where they begin. The parts of a template may enclose lines that cannot be read.
    let mut readings = readings.iter().peekable();
    let mut read_to = body.as_ptr();
    for line in wire::records(Some("OPERLOG"), body) {
        let ends = line.raw.as_ptr_range().end;
        while let Some(reading) = readings.next_if(|reading| reading.line() <= line.number) {
            read_to = read_to.max(match reading {
                Reading::Operation { .. } => ends,
                Reading::User { raw, .. }
                | Reading::Item { raw, .. }
                | Reading::Definition { raw, .. }
                | Reading::Unreadable { raw, .. } => raw.as_ptr_range().end,
            });
        }
        assert!(ends <= read_to, "line {} is lost", line.number);
    }
}

/// A user who is uploaded once more as they are is no edit.
fn user(pin: wire::Pin, patch: &UserPatch, capability: &Capability) {
    let (fields, _) = first(patch, true);
    let from = Uploader { capability, settled: true, trust_privilege: true };
    let again = merge(&fields, &[], patch, &from);
    let mut shown = capability.clone();
    let _ = shown.learn_keeping(&pin, patch, Some(&fields), &[]);
    self::again(&shown);
    assert!(again.edited.is_empty(), "edited by what it was made of: {:?}", again.edited);
    assert_eq!(again.fields, fields);
    kept(&ItemKey { pin, slot: Slot::USER }, &Content::User(fields), capability);
}

/// A content is kept as it is and goes out in lines.
fn kept(key: &ItemKey, content: &Content, capability: &Capability) {
    let bytes = content.to_bytes();
    let read = Content::from_bytes(key.slot.kind, &bytes).expect("what was kept is read");
    assert_eq!(&read, content);
    assert_eq!(hash(&KEY, &key.slot, &read), hash(&KEY, &key.slot, content));
    for command in update(key, content, capability).into_iter().chain(delete(key, capability)) {
        let mut line = Vec::new();
        command.write(&"7f".parse().expect("an id"), &mut line);
        assert!(!line.contains(&b'\n') && !line.contains(&b'\r') && !line.contains(&0), "one line only");
        let (_, read) = Command::read(&line).expect("a device reads what it is sent");
        assert_eq!(read.table(), command.table());
    }
}

/// The header of a template.
///
/// # Panics
/// When one is found whose length is not that of the text.
pub fn header(input: &Input<'_>) {
    let text = input.text();
    let Some(found) = input.reads_whole(|| inspect(&text)) else { return };
    assert!(found.is_err() || text.len().is_multiple_of(4));
}

/// A stored content: what is read is written as it was.
///
/// # Panics
/// When it is not.
pub fn stored(kind: Kind, input: &Input<'_>) {
    let Some(Ok(content)) = input.reads_whole(|| Content::from_bytes(kind, input.bytes())) else { return };
    assert_eq!(content.to_bytes(), input.bytes());
}

/// What is known of a device, as it is stored: what is read and written is read as the same again.
///
/// # Panics
/// When it is not.
pub fn capability_text(input: &Input<'_>) {
    let text = input.text();
    let Some(capability) = input.reads(|| Capability::from_text(&text)) else { return };
    // No value that was ever stored holds one: it came through `tell`.
    if !text.contains('\r') {
        again(&capability);
    }
}

/// What a device says of itself: it is stored as it is, and what is shown of it has an end.
///
/// # Panics
/// When it is not so.
pub fn capability_of_parameters(input: &Input<'_>) {
    let parameters = read_parameters(input.bytes());
    let told = input.reads(|| {
        let mut capability = Capability::default();
        capability.merge_parameters(&parameters);
        capability
    });
    let Some(capability) = told else { return };
    again(&capability);
    let shown: usize = capability.describe(&|at| at.0.to_string()).iter().map(String::len).sum();
    assert!(shown <= 3 * input.bytes().len() + 4096);
}

/// What a device says of itself in its handshake and in a poll.
///
/// # Panics
/// When it is not stored as it is.
pub fn capability_of_query(input: &Input<'_>) {
    let text = input.text();
    let query = Query::new(text.split_once('?').map_or(&*text, |(_, query)| query));
    let told = input.reads(|| {
        let mut capability = Capability::default();
        capability.merge_handshake(&Handshake::read(&query));
        if let Some(info) = query.get("INFO") {
            capability.merge_info(&PollInfo::read(&info));
        }
        capability
    });
    told.iter().for_each(again);
}

fn again(capability: &Capability) {
    let text = capability.to_text();
    let read = Capability::from_text(&text);
    assert_eq!(read.to_text(), text);
    assert!(&read == capability, "not stored as it is: {text}");
}
