//! Upload lines about people, from reading to storage and commands.

use roster::{
    Capability, Content, HashKey, ItemKey, Kind, Reading, Slot, Uploader, UserPatch, delete, first, hash,
    inspect, merge, update,
};
use wire::{CardForm, Command, Handshake, PollInfo, Query, read_parameters};

use crate::Input;

const KEY: HashKey = HashKey::new([7; 32]);

/// Most records of an upload that are followed to storage and commands.
const MAX_LOOKED_AT: usize = 1_000;

/// Two devices: one without known capabilities, and one with every capability that changes commands.
fn capabilities() -> [Capability; 2] {
    let mut old = Capability::default();
    old.merge_handshake(&Handshake::read(&Query::new("SN=OLD0001&options=all&language=83")));
    old.merge_parameters(&read_parameters(b"~DeviceName=iFace302,FPVersion=10,FaceVersion=7,PvVersion=12"));
    old.learn_card_form(CardForm::Hex);
    let old = Capability::from_text(&format!("{}learned name bytes=24\n", old.to_text()));
    [Capability::default(), old]
}

/// An upload: no line is lost. The content of each record is stored unchanged, has the same hash when it comes
/// again, and is sent as commands of one line each.
///
/// # Panics
/// When one of these does not hold.
pub fn upload(input: &Input<'_>) {
    let body = input.bytes();
    for capability in &capabilities() {
        let Some(readings) = input.reads(|| roster::read(Some("OPERLOG"), body, capability)) else {
            continue;
        };
        no_line_is_lost(body, &readings);
        // The other records of a flood are like the first ones.
        for reading in readings.iter().take(MAX_LOOKED_AT) {
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
    // Sorted by line, and so by position. The parts of a template may enclose lines that cannot be read.
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

/// A user that is uploaded again unchanged is no edit.
fn user(pin: wire::Pin, patch: &UserPatch, capability: &Capability) {
    let (fields, _) = first(patch, true);
    let from = Uploader { capability, settled: true, trust_privilege: true };
    let again = merge(&fields, &[], patch, &from);
    let mut shown = capability.clone();
    let _ = shown.learn_kept_fields(&pin, patch, Some(&fields), &[]);
    self::again(&shown);
    assert!(again.edited.is_empty(), "edited by what it was made of: {:?}", again.edited);
    assert_eq!(again.fields, fields);
    kept(&ItemKey { pin, slot: Slot::USER }, &Content::User(fields), capability);
}

/// A content is stored unchanged, and its commands are lines.
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

/// A template header.
///
/// # Panics
/// When a header is accepted although its length differs from that of the text.
pub fn header(input: &Input<'_>) {
    let text = input.text();
    let Some(found) = input.reads_whole(|| inspect(&text)) else { return };
    assert!(found.is_err() || text.len().is_multiple_of(4));
}

/// Stored content: read content is written as the same bytes.
///
/// # Panics
/// When it is not.
pub fn stored(kind: Kind, input: &Input<'_>) {
    let Some(Ok(content)) = input.reads_whole(|| Content::from_bytes(kind, input.bytes())) else { return };
    assert_eq!(content.to_bytes(), input.bytes());
}

/// A stored capability: it reads back equal after it was written.
///
/// # Panics
/// When it does not.
pub fn capability_text(input: &Input<'_>) {
    let text = input.text();
    let Some(capability) = input.reads(|| Capability::from_text(&text)) else { return };
    // Stored values never contain a CR, because they passed through `tell`.
    if !text.contains('\r') {
        again(&capability);
    }
}

/// The parameters of a device: the capability is stored unchanged, and its description is of limited length.
///
/// # Panics
/// When one of these does not hold.
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

/// The parameters of a handshake and of a poll.
///
/// # Panics
/// When the capability is not stored unchanged.
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
