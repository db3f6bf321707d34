//! The list of targets. A new parser gets one line here.
//!
//! Most targets need only [`check::answers`] (it returns, within its memory) or [`check::spelt`] (a parsed value
//! reads back equal from its text). Other properties are in [`crate::check`].

use roster::Kind;
use wire::{
    BioType, Card, Command, CommandId, Form, Handshake, Operation, PhotoName, Pin, PollInfo, Query,
    SerialNumber, Table, TransFlag, TypeArray, Version, sketch,
};

use crate::Seeds::{Bodies, Own, Targets};
use crate::check::{self, messages, people, uploads};
use crate::{Input, Seeds, Target};

const fn target(name: &'static str, seeds: Seeds, check: fn(&Input<'_>)) -> Target {
    Target { name, seeds, check }
}

/// All targets.
pub const TARGETS: &[Target] = &[
    // Requests.
    target("request target", Targets, messages::request_target),
    target("query", Targets, messages::query),
    target("handshake", Targets, |input| check::answers(input, |text| Handshake::read(&Query::new(text)))),
    target("table name", Own, |input| check::answers(input, Table::read)),
    target("serial number", Own, check::spelt::<SerialNumber>),
    target("version", Own, check::spelt::<Version>),
    target("poll info", Targets, |input| check::answers(input, PollInfo::read)),
    // Uploads about people, under each table that decides for lines without a tag.
    target("records", Bodies, |input| messages::records(None, input)),
    target("records of OPERLOG", Bodies, |input| messages::records(Some("OPERLOG"), input)),
    target("records of USERINFO", Bodies, |input| messages::records(Some("USERINFO"), input)),
    target("records of FINGERTMP", Bodies, |input| messages::records(Some("FINGERTMP"), input)),
    target("records of FACE", Bodies, |input| messages::records(Some("FACE"), input)),
    target("records of FVEIN", Bodies, |input| messages::records(Some("FVEIN"), input)),
    target("records of BIODATA", Bodies, |input| messages::records(Some("BIODATA"), input)),
    target("records of USERPIC", Bodies, |input| messages::records(Some("USERPIC"), input)),
    target("records of BIOPHOTO", Bodies, |input| messages::records(Some("BIOPHOTO"), input)),
    // Other uploads.
    target("sorted", Bodies, uploads::sorted),
    target("punches", Bodies, uploads::punches_of_body),
    target("other records", Bodies, uploads::other_records),
    target("attendance photo", Bodies, uploads::attendance_photo),
    target("photo name", Own, |input| check::answers(input, PhotoName::read)),
    target("packet", Targets, uploads::packet),
    target("sketch", Bodies, |input| drop(input.reads(|| sketch(input.bytes())))),
    target("operation", Bodies, |input| drop(input.reads(|| Operation::read(input.bytes())))),
    target("PIN", Own, check::spelt::<Pin>),
    target("card", Own, |input| check::spelt_as(input, |text| Some(Card::read(text)))),
    target("base64", Own, messages::base64),
    target("charsets", Bodies, messages::charsets),
    // Reports of devices about themselves and their commands.
    target("parameters", Bodies, messages::parameters),
    target("type array", Own, |input| check::spelt_as(input, |text| Some(TypeArray::parse(text)))),
    target("acknowledgements", Bodies, messages::acknowledgements),
    // Commands and options, read as a device reads them.
    target("command", Own, messages::command),
    target("stored command", Own, |input| {
        drop(input.reads_whole(|| Command::read_text(input.bytes()).map(Command::into_owned)));
    }),
    target("trans flag", Own, |input| check::answers(input, TransFlag::parse)),
    target("command id", Own, check::spelt::<CommandId>),
    target("form", Own, check::spelt::<Form>),
    target("option block", Own, messages::option_block),
    // Stored data.
    target("upload", Bodies, people::upload),
    target("header of a template", Own, people::header),
    target("stored user", Own, |input| people::stored(Kind::User, input)),
    target("stored template", Own, |input| people::stored(Kind::Template(BioType::PALM), input)),
    target("stored photo", Own, |input| people::stored(Kind::UserPhoto, input)),
    target("capability", Own, people::capability_text),
    target("capability of query", Targets, people::capability_of_query),
    target("capability of parameters", Bodies, people::capability_of_parameters),
];
