//! Rules of merging a device's user record, one test each.

mod support;

use roster::{Capability, Field, Merge, Uploader, UserFields, UserPatch, first, merge, same_person};
use support::{keeping, said, said_raw};
use wire::Handshake;

/// A user with a value in every field.
fn ada() -> UserFields {
    UserFields {
        name: "Ada Lovelace".into(),
        privilege: 6,
        password: "1815".into(),
        card: Some("123456789".into()),
        vice_card: Some("42".into()),
        group: 3,
        time_zones: "0001000200000000".into(),
        verify: Some(4),
        start: None,
        end: None,
        expires: None,
    }
}

/// Merges a record of a device that has the current version.
fn settled(current: &UserFields, patch: &UserPatch) -> Merge {
    let capability = Capability::default();
    merge(current, &[], patch, &Uploader { capability: &capability, settled: true, trust_privilege: false })
}

/// Merges a record of a device that has the current version and showed that it keeps `fields`.
fn settled_keeping(fields: &[Field], current: &UserFields, patch: &UserPatch) -> Merge {
    let capability = keeping(fields);
    merge(current, &[], patch, &Uploader { capability: &capability, settled: true, trust_privilege: false })
}

/// Merges a record of a device that has one of the `older` versions at most.
fn behind(current: &UserFields, older: &[UserFields], patch: &UserPatch) -> Merge {
    let capability = Capability::default();
    merge(
        current,
        older,
        patch,
        &Uploader { capability: &capability, settled: false, trust_privilege: false },
    )
}

fn edits(merge: &Merge) -> Vec<Field> {
    merge.edited.iter().copied().collect()
}

#[track_caller]
fn assert_nothing(current: &UserFields, merge: &Merge) {
    assert_eq!(merge, &Merge { fields: current.clone(), ..Merge::default() });
}

/// A device whose language is simplified Chinese.
fn chinese() -> Capability {
    let mut capability = Capability::default();
    capability.merge_handshake(&Handshake::read(&wire::Query::new("SN=A&options=all&language=83")));
    capability
}

/// Known fault 17: a partial upload deletes card, role, password and validity.
#[test]
fn an_absent_field_changes_nothing() {
    let current = UserFields { start: Some("2026-01-01".into()), end: Some("2026-12-31".into()), ..ada() };
    assert_nothing(&current, &settled(&current, &said("Grp=3")));
    assert_nothing(&current, &settled(&current, &said("Name=Ada Lovelace")));
}

/// Known fault 17, with fields that are present but empty.
#[test]
fn an_empty_field_is_no_edit_but_asks_for_a_correction() {
    let current = ada();
    let merge = settled(&current, &said("Name=|Passwd=|Card=|ViceCard="));
    assert_eq!(merge.fields, current);
    assert_eq!(merge.edited, [].into());
    assert_eq!(merge.dropped, [Field::Name, Field::Password, Field::Card, Field::ViceCard].into());
    assert!(merge.needs_correction());
}

#[test]
fn a_password_0_and_a_card_0_are_empty_ones() {
    let current = ada();
    let merge = settled(&current, &said("Passwd=0|Card=[0000000000]|ViceCard=0"));
    assert_eq!(merge.dropped, [Field::Password, Field::Card, Field::ViceCard].into());

    let bare = UserFields::default();
    assert_nothing(&bare, &settled(&bare, &said("Name=|Passwd=0|Card=0|ViceCard=[00000000]")));
}

#[test]
fn an_empty_field_that_an_older_version_had_is_stale() {
    let older = UserFields { card: None, ..ada() };
    let merge = behind(&ada(), &[older], &said("Card=|Passwd="));
    assert_eq!(merge.stale, [Field::Card].into());
    assert_eq!(merge.dropped, [Field::Password].into());
}

#[test]
fn a_difference_is_an_edit_of_that_field_only() {
    let merge = settled(&ada(), &said("Name=Ada King|Passwd=1815|Card=123456789|Grp=3"));
    assert_eq!(edits(&merge), [Field::Name]);
    assert_eq!(merge.fields, UserFields { name: "Ada King".into(), ..ada() });
    assert!(!merge.needs_correction());
}

#[test]
fn two_devices_that_change_different_fields_both_win() {
    let first = settled(&ada(), &said("Name=Ada King|Grp=3"));
    let second = behind(&first.fields, &[ada()], &said("Name=Ada Lovelace|Grp=5"));
    assert_eq!(edits(&second), [Field::Group]);
    assert_eq!(second.stale, [Field::Name].into());
    assert_eq!(second.fields, UserFields { name: "Ada King".into(), group: 5, ..ada() });
}

#[test]
fn an_old_value_is_stale_until_the_device_has_the_current_version() {
    let older = [UserFields { group: 9, ..ada() }, UserFields { group: 8, ..ada() }];
    for group in [8, 9] {
        let merge = behind(&ada(), &older, &said(&format!("Grp={group}")));
        assert_eq!((edits(&merge), merge.stale), (vec![], [Field::Group].into()));
    }
    assert_eq!(edits(&behind(&ada(), &older, &said("Grp=7"))), [Field::Group]);

    let capability = Capability::default();
    let from = Uploader { capability: &capability, settled: true, trust_privilege: false };
    assert_eq!(edits(&merge(&ada(), &older, &said("Grp=9"), &from)), [Field::Group]);
}

/// Known fault 19: a name that the device cut within a letter is taken for another name.
#[test]
fn a_long_name_that_the_device_cut_is_ours() {
    let name = "Wilhelmine Größe-Öttinger von der Mühle";
    let current = UserFields { name: name.into(), ..ada() };
    // The name has letters of two bytes, so a cut after a number of bytes may fall within a letter.
    for (cut, limit) in [(24, None), (30, Some(30)), (20, Some(20))] {
        let line = [b"USER PIN=7\tName=".as_slice(), &name.as_bytes()[..cut]].concat();
        let patch = said_raw(&Capability::default(), &line);
        let capability = match limit {
            Some(bytes) => support::cutting(&Capability::default(), bytes),
            None => Capability::default(),
        };
        let from = Uploader { capability: &capability, settled: true, trust_privilege: false };
        assert_nothing(&current, &merge(&current, &[], &patch, &from));
    }
    for cut in [10, 17, 21, 27, 30] {
        let shorter = format!("Name={}", &name[..name.floor_char_boundary(cut)]);
        assert_eq!(edits(&settled(&current, &said(&shorter))), [Field::Name], "{shorter}");
    }
}

#[test]
fn a_name_is_cut_within_a_letter_or_before_it() {
    let name = "ABCDEFGHIJKLMNOPQRSTUVWÜ und mehr";
    let current = UserFields { name: name.into(), ..UserFields::default() };
    for cut in [23, 24] {
        let line = [b"USER PIN=7\tName=".as_slice(), &name.as_bytes()[..cut]].concat();
        assert_nothing(&current, &settled(&current, &said_raw(&Capability::default(), &line)));
    }
    for cut in [22, 25] {
        let line = [b"USER PIN=7\tName=".as_slice(), &name.as_bytes()[..cut]].concat();
        let edited = settled(&current, &said_raw(&Capability::default(), &line));
        assert_eq!(edits(&edited), [Field::Name], "{cut}");
    }
}

#[test]
fn a_short_name_does_not_count_as_cut() {
    let current = UserFields { name: "Wilhelmine Huber-Ottinge".into(), ..ada() };
    assert_eq!(edits(&settled(&current, &said("Name=Wilhelmine Huber-Otting"))), [Field::Name]);
}

#[test]
fn a_name_that_is_cut_within_a_letter_loses_that_letter_only() {
    let line = b"USER PIN=7\tName=ABCDEFGHIJKLMNOPQRSTUVW\xC3";
    let (fields, _) = first(&said_raw(&Capability::default(), line), false);
    assert_eq!(fields.name, "ABCDEFGHIJKLMNOPQRSTUVW");
}

/// Known fault 19: names with blanks and with letters that are not Latin.
#[test]
fn names_keep_their_blanks_and_letters() {
    for name in ["Teshale M", "周雨林", "Ольга  Иванова", "O'Brien = Söhne"] {
        assert_eq!(first(&said(&format!("Name={name}")), false).0.name, name);
    }
}

/// Obligation 30.
#[test]
fn a_name_in_gb2312_is_the_same_name() {
    let capability = chinese();
    let line = b"USER PIN=7\tName=\xD6\xDC\xD3\xEA\xC1\xD6"; // 周雨林
    let patch = said_raw(&capability, line);
    let current = UserFields { name: "周雨林".into(), ..UserFields::default() };
    let from = Uploader { capability: &capability, settled: true, trust_privilege: false };
    assert_nothing(&current, &merge(&current, &[], &patch, &from));
    assert_eq!(first(&patch, false).0.name, "周雨林");
}

#[test]
fn question_marks_for_missing_characters_are_no_edit() {
    let capability = chinese();
    let current = UserFields { name: "Ünal 周".into(), ..UserFields::default() };
    let kept = capability.charset().encode(&current.name);
    assert!(kept.contains(&b'?'));
    let patch = said_raw(&capability, &[b"USER PIN=7\tName=".as_slice(), &kept].concat());
    let from = Uploader { capability: &capability, settled: true, trust_privilege: false };
    assert_nothing(&current, &merge(&current, &[], &patch, &from));
}

/// Not every invalid byte at the end is a cut character.
///
/// Obligation 30.
#[test]
fn bytes_that_cannot_begin_a_character_are_not_left_out() {
    let text = |name: &[u8]| {
        said_raw(&Capability::default(), &[b"USER PIN=7\tName=".as_slice(), name].concat())
            .name
            .and_then(|name| name.text)
    };
    assert_eq!(text(b"\xd7\xbf\xd4\xbd\xc1\xd6"), None, "GB2312 whose first four bytes happen to be UTF-8");
    assert_eq!(text(b"Ada\xc3").as_deref(), Some("Ada"));
    assert_eq!(text(b"Ada\xff"), None);
    let raw = said_raw(&chinese(), b"USER PIN=7\tName=\xD6\xDC\xD3\xEA\xC1").name.and_then(|name| name.text);
    assert_eq!(raw.as_deref(), Some("\u{5468}\u{96e8}"));
}

/// Obligation 30.
#[test]
fn an_unreadable_name_counts_as_none() {
    let patch = said_raw(&Capability::default(), b"USER PIN=7\tName=\xFF\xFE\xFD\xFC\xFB");
    assert_eq!(settled(&ada(), &patch).dropped, [Field::Name].into());
    let bare = UserFields::default();
    assert_nothing(&bare, &settled(&bare, &patch));
    assert_eq!(first(&patch, false).0.name, "");
}

#[test]
fn every_spelling_of_a_card_is_the_card() {
    for card in ["123456789", "[15CD5B07]", "[15CD5B0700]"] {
        assert_nothing(&ada(), &settled(&ada(), &said(&format!("Card={card}"))));
    }
    let merge = settled(&ada(), &said("Card=[16CD5B07]|ViceCard=43"));
    assert_eq!(merge.fields.card.as_deref(), Some("123456790"));
    assert_eq!(merge.fields.vice_card.as_deref(), Some("43"));
}

#[test]
fn defaults_have_many_spellings() {
    let current = UserFields::default();
    for spelling in ["Verify=-1", "Verify=", "Grp=0", "Grp=1", "TZ=", "TZ=0000000000000000"] {
        assert_nothing(&current, &settled(&current, &said(spelling)));
    }
    assert_nothing(&current, &settled(&current, &said("TZ=0000000100000000")));
    assert_nothing(&current, &settled(&current, &said("TZ=0001000000000000")));
}

const DEFAULTS: &str = "Pri=0|Grp=1|TZ=0000000000000000|Verify=-1";
const LIMITS: [Field; 4] = [Field::Privilege, Field::Group, Field::TimeZones, Field::Verify];

#[test]
fn a_default_is_no_edit_on_a_device_that_does_not_keep_the_field() {
    for spelling in [DEFAULTS, "Pri=2|Grp=0|TZ=0000000100000000|Verify=0"] {
        assert_nothing(&ada(), &settled(&ada(), &said(spelling)));
        let older = UserFields { privilege: 0, group: 1, time_zones: String::new(), verify: None, ..ada() };
        assert_nothing(&ada(), &behind(&ada(), &[older], &said(spelling)));
    }
    // A value that is no default is an edit on any device.
    let merge = settled(&ada(), &said("Grp=2|TZ=0001000300000000|Verify=1"));
    assert_eq!(edits(&merge), [Field::Group, Field::TimeZones, Field::Verify]);
}

#[test]
fn a_default_is_an_edit_on_a_device_that_keeps_the_field() {
    let merge = settled_keeping(&LIMITS, &ada(), &said(DEFAULTS));
    assert_eq!(edits(&merge), LIMITS);
    assert_eq!((merge.fields.group, merge.fields.time_zones.as_str()), (1, ""));
    assert_eq!((merge.fields.privilege, merge.fields.verify), (0, None));

    let merge = settled_keeping(&[Field::Group], &ada(), &said(DEFAULTS));
    assert_eq!(edits(&merge), [Field::Group], "each field for itself");
}

#[test]
fn a_default_on_a_device_without_the_current_version_is_stale() {
    let capability = keeping(&LIMITS);
    let from = Uploader { capability: &capability, settled: false, trust_privilege: false };
    let merge = merge(&ada(), &[], &said(DEFAULTS), &from);
    assert_eq!((edits(&merge), merge.stale), (vec![], LIMITS.into()));
}

/// Known fault 3: `Verify=0` is a mode, not an absent value.
#[test]
fn verification_mode_0_is_an_edit_on_a_device_that_keeps_modes() {
    let merge = settled_keeping(&[Field::Verify], &UserFields::default(), &said("Verify=0"));
    assert_eq!((edits(&merge), merge.fields.verify), (vec![Field::Verify], Some(0)));
    assert_eq!(first(&said("Verify=0"), false).0.verify, Some(0), "a new user is taken as it comes");
}

#[test]
fn a_validity_is_accepted_only_if_the_fleet_has_none() {
    let merge = settled(&ada(), &said("StartDatetime=1785300000|EndDatetime=1785400000|Expires=1"));
    assert_eq!(edits(&merge), [Field::Validity]);
    let current = merge.fields;
    assert_eq!((current.start.as_deref(), current.end.as_deref()), (Some("1785300000"), Some("1785400000")));
    assert_eq!(current.expires, Some(1));

    assert_nothing(&current, &settled(&current, &said("StartDatetime=17850100|EndDatetime=17850200")));
    assert_nothing(&current, &settled(&current, &said("StartDatetime=0|EndDatetime=0")));
}

#[test]
fn a_removed_validity_does_not_come_back_from_a_device_that_missed_the_removal() {
    let older = UserFields { start: Some("5".into()), end: Some("6".into()), ..ada() };
    let merge = behind(&ada(), &[older], &said("StartDatetime=5|EndDatetime=6"));
    assert_eq!((edits(&merge), merge.stale), (vec![], [Field::Validity].into()));
}

/// Known fault 32: an administrator of one terminal becomes administrator everywhere.
#[test]
fn a_raised_privilege_waits_and_other_edits_do_not() {
    let merge = settled(&ada(), &said("Name=Ada King|Pri=14"));
    assert_eq!((edits(&merge), merge.raised), (vec![Field::Name], Some(14)));
    assert_eq!(merge.fields.privilege, 6);
}

#[test]
fn a_lowered_privilege_is_an_edit_on_a_device_that_keeps_privileges() {
    let merge = settled_keeping(&[Field::Privilege], &ada(), &said("Pri=0"));
    assert_eq!((edits(&merge), merge.raised, merge.fields.privilege), (vec![Field::Privilege], None, 0));
}

#[test]
fn a_raised_privilege_is_an_edit_if_devices_are_trusted() {
    let capability = Capability::default();
    let from = Uploader { capability: &capability, settled: true, trust_privilege: true };
    let merge = merge(&ada(), &[], &said("Pri=14"), &from);
    assert_eq!((edits(&merge), merge.raised, merge.fields.privilege), (vec![Field::Privilege], None, 14));
}

#[test]
fn a_privilege_that_an_operator_took_away_is_stale_and_not_raised() {
    let merge = behind(&UserFields { privilege: 0, ..ada() }, &[ada()], &said("Pri=6"));
    assert_eq!((merge.stale, merge.raised), ([Field::Privilege].into(), None));
}

/// Known fault 32 for a user that is new to the fleet.
#[test]
fn a_new_administrator_is_added_without_the_privilege() {
    let patch = said("Name=Eve|Pri=14|Passwd=7");
    let (fields, raised) = first(&patch, false);
    assert_eq!((fields.privilege, raised), (0, Some(14)));
    assert_eq!((fields.name.as_str(), fields.password.as_str()), ("Eve", "7"));

    let (fields, raised) = first(&patch, true);
    assert_eq!((fields.privilege, raised), (14, None));
}

#[test]
fn a_new_user_has_defaults_in_absent_fields() {
    assert_eq!(first(&said("Name=Bo"), false).0, UserFields { name: "Bo".into(), ..UserFields::default() });
}

#[test]
fn a_person_is_the_same_if_name_and_card_agree() {
    let capability = Capability::default();
    let same = |fields: &str| same_person(&ada(), &said(fields), &capability);
    assert!(same("Name=ADA LOVELACE |Card=[15CD5B07]"));
    assert!(same("Name=|Card="));
    assert!(same("Grp=1"));
    assert!(!same("Name=Bo|Card=123456789"));
    assert!(!same("Name=Ada Lovelace|Card=5"));
    assert!(same_person(&UserFields::default(), &said("Name=Bo|Card=5"), &capability));
}

#[test]
fn debug_output_holds_no_secret() {
    let patch = said("Name=Ada|Passwd=98765|Card=123456789|ViceCard=424242");
    let shown = format!("{patch:?} {:?}", first(&patch, false));
    for secret in ["98765", "123456789", "424242"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("Ada"));
}
