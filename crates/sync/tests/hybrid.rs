//! Templates and comparison photos of one face on devices of several versions (§3.1).

use std::collections::BTreeMap;

use roster::{
    Algorithm, Area, Capability, Content, ContentHash, Format, HashKey, ItemKey, Millis, Part, Photo, Seq,
    Slot, StoredName, Template, UserFields, UserPatch, hash,
};
use sync::intake::{Held, Intake, Known, Outcome, Policy};
use sync::operator::SyncAllowance;
use sync::plan::{Work, plan};
use sync::{DeviceView, ItemState, Limits, PhotoSent, Reason, Stage, Verb, Want};
use wire::{BioType, Pin};

const A: i64 = 1;
const B: i64 = 2;

fn pin() -> Pin {
    "7".parse().expect("a PIN")
}

fn key(slot: Slot) -> ItemKey {
    ItemKey { pin: pin(), slot }
}

fn photo() -> ItemKey {
    key(Slot::comparison_photo(BioType::VISIBLE_FACE))
}

fn face(major: u16) -> ItemKey {
    key(Slot::template(BioType::VISIBLE_FACE, 0, Algorithm { format: Format::Zk, major, minor: 0 }))
}

fn hash_key() -> HashKey {
    HashKey::new([7; 32])
}

fn template(text: &str) -> Content {
    Content::Template(Template::single(Part { index: 0, valid: 1, duress: false, text: text.to_owned() }))
}

/// The capability of a device with visible-light faces of this version; 0 for a device that makes them only of
/// photos.
fn capability(major: u16) -> Capability {
    let mut capability = Capability::default();
    let support = if major == 0 { "0:0:0:0:0:0:0:0:0:0" } else { "0:0:0:0:0:0:0:0:0:1" };
    let told = [
        ("MultiBioDataSupport", support.to_owned()),
        ("MultiBioPhotoSupport", "0:0:0:0:0:0:0:0:0:1".to_owned()),
        ("MultiBioVersion", format!("0:0:0:0:0:0:0:0:0:{major}.0")),
    ];
    capability.merge_parameters(&told.map(|(name, value)| (name.to_owned(), value)));
    capability
}

fn item(seq: i64, changed_by: Option<i64>) -> ItemState {
    ItemState {
        seq: Seq(seq),
        first: Seq(seq),
        created: Seq(seq),
        created_by: changed_by,
        live: true,
        hash: ContentHash([u8::try_from(seq).expect("small"); 16]),
        changed_by,
        at: Millis(0),
        made_of: None,
        bytes: 300,
        lines: 1,
    }
}

/// A device that holds a user and the comparison photo of the user. The photo has number 3 in the feed and was sent
/// at 1,000.
fn view(device: i64, major: u16) -> DeviceView {
    let mut view = DeviceView::new(device, capability(major));
    view.cursor = Seq(3);
    let mut person = sync::Person::default();
    let membership = Slot::membership(Area::EVERYONE);
    let photo = photo().slot;
    for (slot, seq) in [(membership, 1), (Slot::USER, 2), (photo, 3)] {
        person.items.insert(slot, item(seq, None));
    }
    person.photos_sent.insert(BioType::VISIBLE_FACE, PhotoSent { at: Millis(1_000), seq: Seq(3) });
    view.persons.insert(pin(), person);
    view
}

fn put(view: &mut DeviceView, key: &ItemKey, state: ItemState) {
    view.persons.entry(pin()).or_default().items.insert(key.slot, state);
}

/// Uploads a template. Returns the outcome and, for an edit, the photo of which the device made the template.
fn upload(view: &mut DeviceView, key: &ItemKey, content: Content, now: i64) -> (Outcome, Option<Seq>) {
    let (mut known, hash_key, policy) = (BTreeMap::<Pin, Known>::new(), hash_key(), Policy::default());
    let mut intake = Intake::new(view, &mut known, &hash_key, &policy, Millis(now));
    let outcome = intake.item(key, content);
    (outcome, intake.edits.first().and_then(|edit| edit.made_of))
}

/// Uploads a user record and a template of that user. Returns the outcome for the template.
fn enrolled(view: &mut DeviceView, key: &ItemKey, content: Content, now: i64) -> (Outcome, Option<Seq>) {
    let ada = UserFields { name: "Ada".to_owned(), ..UserFields::default() };
    let name = StoredName { raw: b"Ada".to_vec(), text: Some("Ada".to_owned()) };
    let record = UserPatch { name: Some(name), ..UserPatch::default() };
    let mut known = BTreeMap::from([(pin(), Known { user: Some(ada), ..Known::default() })]);
    let (hash_key, policy) = (hash_key(), Policy::default());
    let mut intake = Intake::new(view, &mut known, &hash_key, &policy, Millis(now));
    assert_eq!(intake.user(&pin(), &record), Outcome::Equal);
    let outcome = intake.item(key, content);
    (outcome, intake.edits.first().and_then(|edit| edit.made_of))
}

/// The outcome for content without a user record: a claim that waits for the user record.
fn waits() -> Outcome {
    Outcome::Held(Held::Claim(pin(), Reason::Unproved, Stage::Waiting))
}

/// The keys that are sent for these rows of the feed.
fn sent(view: &mut DeviceView, rows: &[(i64, ItemKey)]) -> Vec<ItemKey> {
    let feed_page = rows.iter().map(|(seq, key)| (Seq(*seq), key.clone())).collect();
    let work = Work { feed_page, ..Work::default() };
    let sends = plan(view, &work, SyncAllowance::All, Millis(5_000), &Limits::default(), 1);
    assert!(sends.iter().all(|send| send.verb == Verb::Update), "{sends:?}");
    sends.into_iter().map(|send| send.key).collect()
}

/// Obligations 153, 154.
#[test]
fn each_device_gets_the_template_of_its_version_or_else_the_photo_and_never_both() {
    for (major, wanted) in [(58, Some(face(58))), (40, Some(face(40))), (35, None), (0, None)] {
        let mut view = view(A, major);
        put(&mut view, &face(58), item(4, Some(B)));
        put(&mut view, &face(40), item(5, Some(B)));
        let wanted = wanted.unwrap_or_else(photo);
        let present: Vec<ItemKey> =
            [photo(), face(58), face(40)].into_iter().filter(|key| view.want(key) == Want::Present).collect();
        assert_eq!(present, [wanted], "version {major}");
    }
}

/// Obligation 155.
#[test]
fn a_template_is_asked_for_where_none_of_the_version_is_held() {
    let mut view = view(A, 58);
    assert!(view.asks_for_template(&photo()));
    put(&mut view, &face(40), item(4, Some(B)));
    assert!(view.asks_for_template(&photo()), "another version is of no use to it");
    put(&mut view, &face(58), item(5, Some(B)));
    assert!(!view.asks_for_template(&photo()));
    assert!(!view.asks_for_template(&key(Slot::USER_PHOTO)), "nothing is made of a display picture");
}

/// Obligation 155.
#[test]
fn a_photo_template_joins_the_fleet_and_does_not_go_back_to_its_device() {
    let (mut a, mut b) = (view(A, 58), view(B, 58));

    assert_eq!(upload(&mut a, &face(58), template("TUFERQ=="), 2_000), (Outcome::Edit, Some(Seq(3))));

    let made = ItemState { made_of: Some(Seq(3)), ..item(4, Some(A)) };
    put(&mut a, &face(58), made.clone());
    assert_eq!(sent(&mut a, &[(4, face(58))]), []);
    assert!(a.settled(&face(58)), "it holds what it made");
    put(&mut b, &face(58), made);
    assert_eq!(sent(&mut b, &[(4, face(58))]), [face(58)]);
}

/// Two devices of one version make two templates of one photo. They must not overwrite the fleet's template in turns.
#[test]
fn the_fleet_keeps_the_first_of_two_templates_of_one_photo() {
    let mut b = view(B, 58);
    put(&mut b, &face(58), ItemState { made_of: Some(Seq(3)), ..item(4, Some(A)) });

    assert_eq!(upload(&mut b, &face(58), template("T1RIRVI="), 2_000).0, Outcome::Corrected);

    assert_eq!(sent(&mut b, &[(4, face(58))]), [], "it is owed already");
    let work = Work { due: vec![face(58)], ..Work::default() };
    let sends = plan(&mut b, &work, SyncAllowance::All, Millis(5_000), &Limits::default(), 1);
    assert_eq!(sends.into_iter().map(|send| send.key).collect::<Vec<_>>(), [face(58)]);
}

#[test]
fn an_enrolment_at_a_device_is_an_edit_as_ever() {
    let hour = 3_600_000;
    let mut late = view(B, 58);
    put(&mut late, &face(58), item(3, Some(A)));
    assert_eq!(upload(&mut late.clone(), &face(58), template("TkVX"), 1_000 + hour).0, waits());
    assert_eq!(enrolled(&mut late, &face(58), template("TkVX"), 1_000 + hour), (Outcome::Edit, None));
    let mut settled = view(B, 58);
    put(&mut settled, &face(58), item(3, Some(A)));
    assert_eq!(enrolled(&mut settled, &face(58), template("TkVX"), 2_000).0, Outcome::Edit);
    let mut again = view(A, 58);
    put(&mut again, &face(58), ItemState { made_of: Some(Seq(3)), ..item(4, Some(A)) });
    assert_eq!(upload(&mut again.clone(), &face(58), template("TkVX"), 2_000).0, waits());
    assert_eq!(enrolled(&mut again, &face(58), template("TkVX"), 2_000), (Outcome::Edit, None));
}

/// A new photo replaces the template of the earlier photo. A template that was enrolled at a device stays.
#[test]
fn a_newer_photo_takes_the_place_of_a_template_made_of_an_older_one() {
    let mut view = view(A, 58);
    put(&mut view, &face(58), ItemState { made_of: Some(Seq(3)), ..item(4, Some(A)) });
    assert_eq!(view.want(&photo()), Want::Anything);
    put(&mut view, &photo(), item(5, None));
    assert_eq!(view.want(&photo()), Want::Present);
    assert!(view.asks_for_template(&photo()));
    assert_eq!(sent(&mut view, &[(4, face(58)), (5, photo())]), [photo()]);

    put(&mut view, &face(58), item(4, Some(A)));
    assert_eq!(view.want(&photo()), Want::Anything, "enrolled, not made of a photo");
}

/// The fleet keeps the original. The photos that devices got are only forms of it.
#[test]
fn a_photo_that_comes_back_as_it_was_sent_is_no_edit() {
    let mut view = view(A, 58);
    let scaled = Content::Photo(Photo { text: "U0NBTEVE".into(), file_name: None });
    let hash_key = hash_key();
    let form = hash(&hash_key, &photo().slot, &scaled);
    let person = Known { forms: BTreeMap::from([(photo().slot, [form].into())]), ..Known::default() };
    let (mut known, policy) = (BTreeMap::from([(pin(), person)]), Policy::default());
    let mut intake = Intake::new(&mut view, &mut known, &hash_key, &policy, Millis(2_000));

    assert_eq!(intake.item(&photo(), scaled), Outcome::Equal);

    let other = Content::Photo(Photo { text: "T1RIRVI=".into(), file_name: None });
    assert_eq!(intake.item(&photo(), other), waits());
}
