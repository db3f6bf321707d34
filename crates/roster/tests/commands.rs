//! Rendering of items as commands for one device.

mod support;

use roster::{
    Capability, Content, Format, ItemKey, Photo, PhotoPayload, PhotoUpdate, Slot, delete,
    delete_command_count, update, update_photo,
};
use support::{body, items, lines, only, options, pin, print, refusal, slot, told, user};
use wire::{BioType, Form, Handshake, Query};

/// Obligation 150.
#[test]
fn a_user_is_sent_complete_and_with_its_card_in_the_form_of_the_device() {
    let (key, content) = user("Name=Ada|Passwd=12|Card=123456789|Verify=0");
    let mut device = Capability::default();
    let expected = |card: &str| {
        format!(
            "DATA UPDATE USERINFO PIN=7|Name=Ada|Pri=0|Passwd=12|Card={card}|Grp=1|TZ=0000000100000000|Verify=0|ViceCard="
        )
    };
    assert_eq!(lines(&update(&key, &content, &device)), [expected("123456789")]);
    device.learn_card_form(wire::CardForm::Hex);
    assert_eq!(lines(&update(&key, &content, &device)), [expected("[15CD5B0700]")]);
}

/// Obligation 158.
#[test]
fn deleting_a_user_deletes_everything_the_device_may_hold() {
    let key = ItemKey { pin: pin("7"), slot: Slot::USER };
    let mut device = options("b01-options-iface950.http");
    let tables = |device: &Capability| -> Vec<String> {
        lines(&delete(&key, device)).iter().map(|line| line.replace("DATA DELETE ", "")).collect()
    };
    let all = tables(&device);
    assert_eq!(all, ["FINGERTMP PIN=7", "FACE PIN=7", "BIODATA Pin=7", "USERPIC PIN=7", "USERINFO PIN=7"]);
    assert_eq!(delete_command_count(&key, &device), 5);
    device.refuse(Form::Face, refusal());
    assert_eq!(tables(&device), ["FINGERTMP PIN=7", "BIODATA Pin=7", "USERPIC PIN=7", "USERINFO PIN=7"]);
}

#[test]
fn a_duress_finger_is_sent_as_one() {
    let device = told(&[("FPVersion", "10")]);
    let (key, content) = only(None, &print(4, 3, 32), &device);
    let sent = lines(&update(&key, &content, &device));
    assert!(sent[0].starts_with("DATA UPDATE FINGERTMP PIN=7|FID=4|Size=32|Valid=3|TMP="), "{sent:?}");
}

/// Obligation 158.
#[test]
fn a_device_that_cannot_delete_all_unified_templates_deletes_type_by_type() {
    let mut device = options("a02-options.http");
    device.refuse(Form::BioData(0), refusal());
    let key = ItemKey { pin: pin("7"), slot: Slot::USER };
    let sent = lines(&delete(&key, &device));
    assert!(sent.contains(&"DATA DELETE BIODATA Pin=7|Type=8".to_owned()), "{sent:?}");
    assert!(sent.contains(&"DATA DELETE BIODATA Pin=7|Type=9".to_owned()), "{sent:?}");
    assert!(!sent.contains(&"DATA DELETE BIODATA Pin=7".to_owned()), "{sent:?}");
    assert_eq!(sent.last().map(String::as_str), Some("DATA DELETE USERINFO PIN=7"));
}

#[test]
fn an_item_is_deleted_alone() {
    let device = options("a02-options.http");
    let gone = |slot: Slot| lines(&delete(&ItemKey { pin: pin("7"), slot }, &device));
    assert_eq!(gone(slot(BioType::FINGERPRINT, 3, Format::Zk, 10, 0)), ["DATA DELETE FINGERTMP PIN=7|FID=3"]);
    assert_eq!(gone(slot(BioType::PALM, 1, Format::Zk, 12, 0)), ["DATA DELETE BIODATA Pin=7|Type=8|No=1"]);
    assert_eq!(gone(Slot::USER_PHOTO), ["DATA DELETE USERPIC PIN=7"]);
    assert_eq!(gone(Slot::comparison_photo(BioType::VISIBLE_FACE)), ["DATA DELETE BIOPHOTO PIN=7"]);
    // Muster asks no device to delete what the device cannot hold.
    assert_eq!(gone(slot(BioType::PALM, 1, Format::Zk, 5, 0)), [""; 0]);
}

/// Obligation 35.
#[test]
fn a_damaged_template_is_never_sent() {
    let device = options("a02-options.http");
    let body = body("a07-biodata-palm12-5parts.http");
    let (key, content) = items(Some("BIODATA"), &body, &device).remove(0);
    assert_eq!(update(&key, &content, &device).len(), 5);
    let Content::Template(mut template) = content else { panic!("a palm is a template") };
    let part = &mut template.parts[2].text;
    part.truncate(part.len() - 4);
    assert_eq!(update(&key, &Content::Template(template), &device), []);
}

/// Obligation 151.
#[test]
fn photos_are_sent_with_their_length() {
    let device = options("a02-options.http");
    let photo = Content::Photo(Photo { text: "AAEC".into(), file_name: Some("7.jpg".into()) });
    let key = |slot| ItemKey { pin: pin("7"), slot };
    let sent = lines(&update(&key(Slot::USER_PHOTO), &photo, &device));
    assert_eq!(sent, ["DATA UPDATE USERPIC PIN=7|Size=4|Content=AAEC"]);
    let sent = lines(&update(&key(Slot::comparison_photo(BioType::VISIBLE_FACE)), &photo, &device));
    assert!(sent[0].starts_with("DATA UPDATE BIOPHOTO PIN=7|"), "{sent:?}");
    assert!(sent[0].contains("|Type=9|Size=4|Content=AAEC"), "{sent:?}");
}

/// Obligations 151, 155, 156.
#[test]
fn a_photo_is_sent_inline_or_by_url_and_asks_for_the_template_made_from_it() {
    let device = options("a02-options.http");
    let key = ItemKey { pin: pin("7"), slot: Slot::comparison_photo(BioType::VISIBLE_FACE) };
    let sent = |carried, post_back_template| {
        let command = update_photo(&key, PhotoUpdate { carried, post_back_template }, &device);
        lines(&command.into_iter().collect::<Vec<_>>()).concat()
    };
    assert_eq!(
        sent(PhotoPayload::Inline("AAEC"), true),
        "DATA UPDATE BIOPHOTO PIN=7|Type=9|Size=4|Content=AAEC|Format=0|Url=|PostBackTmpFlag=1"
    );
    assert_eq!(
        sent(PhotoPayload::Url("file/x/photo.jpg"), false),
        "DATA UPDATE BIOPHOTO PIN=7|Type=9|Size=0|Content=|Format=1|Url=file/x/photo.jpg|PostBackTmpFlag=0"
    );
    assert_eq!(sent(PhotoPayload::Inline("no base64"), true), "");
}

/// Obligation 156.
#[test]
fn a_user_photo_is_sent_by_url_only_if_the_device_supports_it() {
    let mut device = options("a02-options.http");
    let (user_photo, comparison_photo) = (Slot::USER_PHOTO, Slot::comparison_photo(BioType::VISIBLE_FACE));
    device.merge_parameters(&[("UserPicURLFunOn".into(), "0".into())]);
    assert!(!device.accepts_photo_url(&user_photo) && device.accepts_photo_url(&comparison_photo));
    device.merge_parameters(&[("UserPicURLFunOn".into(), "1".into())]);
    assert!(device.accepts_photo_url(&user_photo));
    assert!(!device.accepts_photo_url(&Slot::USER));
}

#[test]
fn the_first_generation_of_clients_accepts_smaller_photos_only() {
    let mut old = Capability::default();
    old.merge_handshake(&Handshake::read(&Query::new("SN=OLD1&options=all")));
    let bytes = |device: &Capability, slot| device.photo_limit(&slot).map(|limit| limit.bytes);
    assert_eq!(bytes(&old, Slot::USER_PHOTO), Some(29_999));
    assert_eq!(bytes(&options("a02-options.http"), Slot::USER_PHOTO), Some(60_000));
    assert_eq!(bytes(&old, Slot::USER), None);
}
