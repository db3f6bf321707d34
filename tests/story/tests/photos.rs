//! Hybrid identification and photos: templates where the version fits, else photos, in the command or fetched.

use std::io::Cursor;
use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::{ImageDecoder as _, RgbImage};
use roster::{Algorithm, Content, Format, ItemKey, Photo, Slot};
use simulator::content::{Payload, TemplateKey};
use simulator::{Device, Model, Random, Session};
use store::{Change, DeviceOptions, ItemWrite, PhotoDelivery};
use story::{House, pin};
use wire::BioType;

const FACE: BioType = BioType::VISIBLE_FACE;

/// A picture that no JPEG makes small: noise.
fn jpeg(seed: u32, width: u32, height: u32) -> Vec<u8> {
    let mut state = seed;
    let pixels = RgbImage::from_fn(width, height, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [a, b, c, _] = state.to_be_bytes();
        image::Rgb([a, b, c])
    });
    let mut out = Vec::new();
    JpegEncoder::new_with_quality(&mut out, 90).encode_image(&pixels).expect("a JPEG");
    out
}

/// An operator gives the fleet a photo of somebody.
async fn put_photo(house: &House, of: &str, slot: Slot, photo: &[u8]) {
    let key = ItemKey { pin: pin(of), slot };
    let content = Content::Photo(Photo { text: BASE64_STANDARD.encode(photo), file_name: None });
    let hash = roster::hash(house.store.hash_key(), &slot, &content);
    let write = ItemWrite { key, content: Some(content), hash, contested: false, made_of: None };
    let change = Change { by: None, at: house.now(), undo_until: None };
    house.operate(async |tx| tx.write_items(std::slice::from_ref(&write), &change).await.map(drop)).await;
}

async fn fleet_photo(house: &House, of: &str, slot: Slot) -> Vec<u8> {
    let Some(Content::Photo(photo)) = house.content(of, slot).await else {
        panic!("the fleet holds no photo")
    };
    BASE64_STANDARD.decode(photo.text).expect("base64")
}

fn comparison_photo() -> Slot {
    Slot::comparison_photo(FACE)
}

fn face(major: u16, minor: u16) -> Slot {
    Slot::template(FACE, 0, Algorithm { format: Format::Zk, major, minor })
}

fn photo_on(session: &Session, of: &str) -> Option<Vec<u8>> {
    session.person(of)?.comparison_photos.get(&FACE).map(Payload::to_bytes)
}

fn template_on(session: &Session, of: &str, major: u16) -> Option<Vec<u8>> {
    let template = session.person(of)?.templates.get(&TemplateKey { bio_type: FACE, number: 0, major })?;
    Some(template.parts.get(&0)?.to_bytes())
}

/// The bytes of a template of one part that the fleet holds.
async fn fleet_template(house: &House, of: &str, slot: Slot) -> Option<Vec<u8>> {
    let Some(Content::Template(template)) = house.content(of, slot).await else { return None };
    Some(BASE64_STANDARD.decode(&template.parts.first()?.text).expect("base64"))
}

/// How many commands of these words the device was sent, of the last exchanges.
fn told(session: &Session, words: &str) -> usize {
    session.exchanges().map(|exchange| exchange.answer.text().matches(words).count()).sum()
}

/// Devices fetch their photos from now on.
async fn by_url(house: &House, serial_number: &str) {
    let device = house.device(serial_number).await.id;
    let options = DeviceOptions { photo_delivery: Some(PhotoDelivery::Url), ..DeviceOptions::default() };
    house.operate(async |tx| tx.set_device_options(device, &options).await).await;
}

/// One that takes photos of faces, and no templates of them.
fn photos_only() -> Model {
    let mut model = Model::senseface();
    for algorithm in &mut model.algorithms {
        algorithm.unified &= algorithm.bio_type != FACE;
    }
    model
}

/// Obligations 153, 154, 155.
#[tokio::test(flavor = "multi_thread")]
async fn a_mixed_fleet_ends_with_each_device_holding_what_it_can() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::speedface(), "A1")).await;
    let mut b = house.connect(Device::new(Model::senseface(), "B1")).await;
    let mut c = house.connect(Device::new(photos_only(), "C1")).await;
    house.calm([&mut a, &mut b, &mut c]).await;

    a.enrol_user("7", "Ada");
    a.enrol_face("7");
    house.calm([&mut a, &mut b, &mut c]).await;
    let enrolled = template_on(&a, "7", 58).expect("it was enrolled there");

    assert_eq!(fleet_template(&house, "7", face(58, 10)).await.as_ref(), Some(&enrolled));
    assert_eq!(template_on(&a, "7", 58), Some(enrolled), "what was enrolled stays");
    let photo = fleet_photo(&house, "7", comparison_photo()).await;
    assert_eq!(photo_on(&b, "7").as_ref(), Some(&photo));
    assert_eq!(photo_on(&c, "7").as_ref(), Some(&photo));
    assert_eq!(told(&a, "DATA UPDATE BIOPHOTO"), 0, "it has a template");
    assert_eq!(told(&b, "PostBackTmpFlag=1"), 1);
    let made = template_on(&b, "7", 40).expect("it made one of the photo");
    assert_eq!(fleet_template(&house, "7", face(40, 1)).await, Some(made), "the fleet's for that version");
    assert_eq!(told(&b, "DATA UPDATE BIODATA PIN=7"), 0, "it does not come back to it");
    assert_eq!(told(&b, "DATA UPDATE BIODATA Pin=7"), 0, "it does not come back to it");

    // Another of the version that had none gets what the first one made, and no photo.
    let mut d = house.connect(Device::new(Model::senseface(), "D1")).await;
    house.calm([&mut a, &mut b, &mut c, &mut d]).await;
    assert_eq!(template_on(&d, "7", 40), template_on(&b, "7", 40));
    assert_eq!(photo_on(&d, "7"), None);
}

/// A newer photo counts more than what was made of an older one.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_photo_of_somebody_reaches_those_who_made_a_template_of_the_old_one() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::senseface(), "A1")).await;
    let mut b = house.connect(Device::new(Model::senseface(), "B1")).await;
    a.enrol_user("7", "Ada");
    house.calm([&mut a, &mut b]).await;
    put_photo(&house, "7", comparison_photo(), &jpeg(1, 90, 120)).await;
    house.calm([&mut a, &mut b]).await;
    let before = template_on(&a, "7", 40).expect("made of the photo");
    assert_eq!(template_on(&b, "7", 40).as_ref(), Some(&before));

    put_photo(&house, "7", comparison_photo(), &jpeg(2, 90, 120)).await;
    house.calm([&mut a, &mut b]).await;

    let after = template_on(&a, "7", 40).expect("made of the new photo");
    assert_ne!(after, before);
    assert_eq!(template_on(&b, "7", 40).as_ref(), Some(&after));
    assert_eq!(fleet_template(&house, "7", face(40, 1)).await, Some(after));
}

/// Obligations 26, 156, 167.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_fetches_its_photos() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::senseface(), "A1")).await;
    a.enrol_user("7", "Ada");
    house.calm([&mut a]).await;
    by_url(&house, "A1").await;
    let (face_photo, user_photo) = (jpeg(1, 90, 120), jpeg(2, 60, 80));
    put_photo(&house, "7", comparison_photo(), &face_photo).await;
    put_photo(&house, "7", Slot::USER_PHOTO, &user_photo).await;

    house.calm([&mut a]).await;

    assert_eq!(photo_on(&a, "7").as_ref(), Some(&face_photo));
    let shown = a.person("7").and_then(|person| person.user_photo.as_ref()).map(Payload::to_bytes);
    assert_eq!(shown.as_ref(), Some(&user_photo));
    assert_eq!((told(&a, "\tFormat=1\tUrl=file/"), told(&a, "Content=/9j")), (2, 0));
    let fetched: Vec<_> =
        a.exchanges().filter(|exchange| exchange.request.starts_with("GET /iclock/file/")).collect();
    assert_eq!(fetched.len(), 2);
    for exchange in fetched {
        assert_eq!((exchange.answer.status, exchange.answer.body.starts_with(b"\xff\xd8")), (200, true));
        let path = exchange.request.strip_prefix("GET ").expect("a request");
        assert_eq!(house.get(path).await.status(), 404, "a second time");
    }
    assert!(template_on(&a, "7", 40).is_some_and(|it| !it.is_empty()), "made of the photo it fetched");
}

/// The URL in the only command of a poll.
async fn offered(house: &House, serial_number: &str) -> String {
    let answer = house.get(&format!("/iclock/getrequest?SN={serial_number}")).await.text();
    let url = answer.split('\t').find_map(|field| field.strip_prefix("Url=")).unwrap_or_default();
    assert!(url.starts_with("file/") && url.ends_with("/photo.jpg"), "{answer}");
    url.to_owned()
}

/// Obligations 165, 167.
#[tokio::test(flavor = "multi_thread")]
async fn a_photo_is_for_one_device_for_a_while_and_while_the_fleet_holds_it() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::senseface(), "A1")).await;
    let mut b = house.connect(Device::new(Model::k40(), "B1")).await;
    for who in ["7", "8", "9"] {
        a.enrol_user(who, "Ada");
    }
    house.calm([&mut a, &mut b]).await;
    by_url(&house, "A1").await;

    let photo = jpeg(1, 90, 120);
    put_photo(&house, "7", comparison_photo(), &photo).await;
    let url = offered(&house, "A1").await;
    assert_eq!(house.get(&format!("/iclock/file?SN=B1&url={url}")).await.status(), 404, "of another device");
    assert_eq!(house.get(&format!("/iclock/{url}?SN=B1")).await.status(), 404, "of another device");
    let answer = house.get(&format!("/{url}")).await;
    assert_eq!((answer.status(), answer.body.as_slice()), (200, photo.as_slice()), "without the folder");
    assert_eq!(house.get(&format!("/iclock/{url}")).await.status(), 404, "it was fetched");

    put_photo(&house, "8", comparison_photo(), &jpeg(2, 90, 120)).await;
    let url = offered(&house, "A1").await;
    house.advance(Duration::from_hours(1));
    assert_eq!(house.get(&format!("/iclock/{url}")).await.status(), 404, "its time is over");

    let mut c = house.connect(Device::new(Model::senseface(), "C1")).await;
    house.calm([&mut a, &mut b, &mut c]).await;
    by_url(&house, "C1").await;
    put_photo(&house, "9", comparison_photo(), &jpeg(3, 90, 120)).await;
    let url = offered(&house, "C1").await;
    put_photo(&house, "9", comparison_photo(), &jpeg(4, 90, 120)).await;
    assert_eq!(house.get(&format!("/iclock/{url}")).await.status(), 404, "there is a newer one");
    house.calm([&mut a, &mut b, &mut c]).await;
}

/// The fleet keeps what it got; devices get what they take, made once.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_photo_reaches_devices_small_and_stays_large_in_the_fleet() {
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::senseface(), "A1")).await;
    let mut b = house.connect(Device::new(photos_only(), "B1")).await;
    a.quirks_mut().echo_writes = true;
    a.enrol_user("7", "Ada");
    a.enrol_user("8", "Bob");
    house.calm([&mut a, &mut b]).await;
    let original = jpeg(1, 600, 800);
    assert!(original.len() > 200_000);
    let unreadable =
        BASE64_STANDARD.decode(story::records::photo(&mut Random::new(1), 90_000)).expect("base64");

    put_photo(&house, "7", comparison_photo(), &original).await;
    put_photo(&house, "8", comparison_photo(), &unreadable).await;
    house.calm([&mut a, &mut b]).await;

    let small = photo_on(&a, "7").expect("it was sent");
    assert!(small.len() <= 60_000, "{} bytes", small.len());
    let (width, height) = JpegDecoder::new(Cursor::new(&small)).expect("a JPEG").dimensions();
    assert!(width <= 480 && width * 4 == height * 3, "{width} by {height}");
    assert_eq!(photo_on(&b, "7"), Some(small));
    assert_eq!(photo_on(&b, "8").as_ref(), Some(&unreadable), "as it is");
    assert!(fleet_photo(&house, "7", comparison_photo()).await == original, "what came back is no new photo");
    assert_eq!(
        house.value("SELECT CAST(COUNT(*) AS CHAR(8)) FROM photo_form").await,
        "2",
        "once for both devices"
    );
}
