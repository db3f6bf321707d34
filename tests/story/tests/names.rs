//! Names on their way between devices of different languages, each of which keeps them in its own charset and length.

use story::{House, pin};

/// Introduces a device of a language that holds nobody: it is filled at once.
async fn empty_device(house: &House, serial_number: &str, language: u16) {
    house
        .get(&format!("/iclock/cdata?SN={serial_number}&options=all&pushver=2.4.1&language={language}"))
        .await;
    house
        .get(&format!("/iclock/getrequest?SN={serial_number}&INFO=Ver%201,0,0,0,192.0.2.1,10,0,0,0,100"))
        .await;
}

/// What is sent to a device, as bytes: the names in the lines for its users.
async fn names_sent(house: &House, serial_number: &str) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    for _ in 0..4 {
        // The length of an answer is that of its bytes: whatever is beyond or missing ends the story.
        let answer = house.get(&format!("/iclock/getrequest?SN={serial_number}")).await.body;
        let mut done = Vec::new();
        for line in answer.split(|byte| *byte == b'\n') {
            let id = line.split(|byte| *byte == b':').nth(1).unwrap_or_default();
            if !id.is_empty() {
                done.extend([b"ID=", id, b"&Return=0&CMD=DATA\n"].concat());
            }
            let start = line.windows(6).position(|six| six == b"\tName=");
            names.extend(
                start
                    .and_then(|start| line.get(start + 6..)?.split(|byte| *byte == b'\t').next())
                    .map(<[u8]>::to_vec),
            );
        }
        house.post(&format!("/iclock/devicecmd?SN={serial_number}"), done).await;
    }
    names
}

async fn says(house: &House, serial_number: &str, name: &[u8]) {
    says_of(house, serial_number, "7", name).await;
}

async fn says_of(house: &House, serial_number: &str, who: &str, name: &[u8]) {
    let body = [b"USER PIN=".as_slice(), who.as_bytes(), b"\tName=", name, b"\tPri=0\n"].concat();
    let answer =
        house.post(&format!("/iclock/cdata?SN={serial_number}&table=OPERLOG&Stamp=9999"), body).await;
    assert_eq!(answer.text(), "OK:1");
}

async fn tells_firmware(house: &House, serial_number: &str, firmware: &str) {
    let options = format!("/iclock/cdata?SN={serial_number}&table=options");
    house.post(&options, format!("FWVersion={firmware}")).await;
}

/// The name of a user as the fleet holds it.
async fn name_of(house: &House, who: &str) -> String {
    let mut tx = house.store.read().await.expect("a transaction");
    tx.users(&[pin(who)]).await.expect("the people").remove(&pin(who)).expect("the user").name
}

/// Obligations 30, 32, 33.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_goes_to_each_device_in_its_own_charset_and_comes_back_as_it_was() {
    let house = House::open().await;
    let gb2312 = b"\xd7\xbf\xd4\xbd\xc1\xd6".as_slice(); // 卓越林
    empty_device(&house, "CN83", 83).await;
    for (serial_number, language) in [("EN69", 69), ("TW84", 84), ("CN83B", 83)] {
        empty_device(&house, serial_number, language).await;
    }
    says(&house, "CN83", gb2312).await;
    let utf8 = "卓越林".as_bytes();
    for (serial_number, expected) in [("EN69", utf8), ("TW84", utf8), ("CN83B", gb2312)] {
        assert_eq!(names_sent(&house, serial_number).await, [expected], "{serial_number}");
    }
    // Each shows what it keeps, in whichever charset: nothing of it is news.
    let head = house.head().await;
    for (serial_number, kept) in [
        ("EN69", utf8),
        ("TW84", utf8),
        ("TW84", gb2312),
        ("CN83B", gb2312),
        ("CN83B", utf8),
        ("CN83", gb2312),
    ] {
        says(&house, serial_number, kept).await;
        assert_eq!(house.head().await, head, "{serial_number}");
    }
    assert!(house.held().await.is_empty());
}

const LONG: [(&str, &str); 2] =
    [("7", "Łukasz Żółćkowski-Ąęć"), ("8", "Maximiliane von Wittgenstein-Berleburg")];

/// Three devices that hold the people of long names; the second of them cut them.
async fn cut_at_24(house: &House) {
    for serial_number in ["A1", "B1", "C1"] {
        empty_device(house, serial_number, 69).await;
    }
    for (who, name) in LONG {
        says_of(house, "A1", who, name.as_bytes()).await;
    }
    let whole = LONG.map(|(_, name)| name.as_bytes());
    for serial_number in ["A1", "B1"] {
        assert_eq!(names_sent(house, serial_number).await, whole, "{serial_number}: its first fill");
    }
    let head = house.head().await;
    for (who, name) in LONG {
        says_of(house, "B1", who, &name.as_bytes()[..24]).await;
    }
    assert_eq!(house.head().await, head, "no change of the fleet");
    assert_eq!(names_sent(house, "A1").await, [b""; 0]);
    assert_eq!(names_sent(house, "B1").await, [b""; 0], "and no correction");
    assert_eq!(names_sent(house, "C1").await, whole, "whole, where nothing else is known");
}

/// Devices keep 24 bytes of a name, whatever letter that is in the middle of (field note 5.7).
#[tokio::test(flavor = "multi_thread")]
async fn names_that_a_device_cut_change_nobody_elses_and_they_are_sent_in_whole_letters_from_then_on() {
    let house = House::open().await;
    cut_at_24(&house).await;
    let longer = format!("{}-Nowak", LONG[0].1);
    says(&house, "A1", longer.as_bytes()).await;
    assert_eq!(names_sent(&house, "B1").await, ["Łukasz Żółćkowski-".as_bytes()]);
    assert_eq!(names_sent(&house, "C1").await, [longer.as_bytes()]);
    // The device shows what it was sent.
    let head = house.head().await;
    says(&house, "B1", "Łukasz Żółćkowski-".as_bytes()).await;
    assert_eq!(house.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_firmware_gets_whole_names_again() {
    let house = House::open().await;
    for serial_number in ["A1", "B1", "C1"] {
        tells_firmware(&house, serial_number, "Ver 1").await;
    }
    cut_at_24(&house).await;
    assert_eq!(house.device("B1").await.capability.name_bytes(), Some(24));
    tells_firmware(&house, "B1", "Ver 2").await;
    assert_eq!(house.device("B1").await.capability.name_bytes(), None);
    assert_eq!(names_sent(&house, "B1").await, LONG.map(|(_, name)| name.as_bytes()));

    let head = house.head().await;
    for (who, name) in LONG {
        says_of(&house, "B1", who, name.as_bytes()).await;
    }
    let longest = "Maximiliane von Wittgenstein-Berleburg zu Sayn";
    says_of(&house, "A1", "8", longest.as_bytes()).await;
    assert_eq!(names_sent(&house, "B1").await, [longest.as_bytes()], "it keeps whole names now");
    assert_eq!(house.head().await, head + 1);
}

/// Somebody takes her husband's name off again.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_somebody_shortened_at_a_device_goes_everywhere_and_no_other_is_cut() {
    let house = House::open().await;
    for serial_number in ["A1", "B1", "C1"] {
        empty_device(&house, serial_number, 69).await;
    }
    let [(_, polish), (_, german)] = LONG;
    for (who, name) in LONG {
        says_of(&house, "A1", who, name.as_bytes()).await;
    }
    for serial_number in ["A1", "B1", "C1"] {
        names_sent(&house, serial_number).await;
    }
    let shorter = "Maximiliane von Wittgenstein";
    assert!(german.starts_with(shorter));
    says_of(&house, "B1", "8", shorter.as_bytes()).await;
    assert_eq!(name_of(&house, "8").await, shorter);
    for serial_number in ["A1", "B1", "C1"] {
        assert_eq!(names_sent(&house, serial_number).await, [shorter.as_bytes()], "{serial_number}");
    }

    let longer = format!("{polish} und noch ein Name");
    says(&house, "A1", longer.as_bytes()).await;
    for serial_number in ["B1", "C1"] {
        assert_eq!(names_sent(&house, serial_number).await, [longer.as_bytes()], "{serial_number}");
    }
}

/// A device whose limit is another one: the first name that it cuts is taken for one that somebody shortened.
#[tokio::test(flavor = "multi_thread")]
async fn another_limit_is_learned_from_two_people_and_a_longer_name_raises_it() {
    let house = House::open().await;
    for serial_number in ["A1", "B1"] {
        empty_device(&house, serial_number, 69).await;
    }
    let people = [
        ("7", "Wilhelmine von Huber-Ottinger und zu Stein"),
        ("8", "Maximiliane von Wittgenstein-Berleburg"),
        ("9", "Georg Friedrich Maximilian Hohenlohe-Langenburg"),
    ];
    for (who, name) in people {
        says_of(&house, "A1", who, name.as_bytes()).await;
    }
    names_sent(&house, "B1").await;
    for (who, name) in people {
        says_of(&house, "B1", who, &name.as_bytes()[..32]).await;
    }
    assert_eq!(name_of(&house, "7").await, people[0].1[..32]);
    for (who, name) in &people[1..] {
        assert_eq!(name_of(&house, who).await, *name);
    }
    assert_eq!(house.device("B1").await.capability.name_bytes(), Some(32));
    names_sent(&house, "B1").await;
    let longer = "Johanna Katharina Elisabeth Freifrau von Stein";
    says_of(&house, "B1", "10", longer.as_bytes()).await;
    assert_eq!(house.device("B1").await.capability.name_bytes(), None);
    assert!(names_sent(&house, "B1").await.contains(&people[2].1.as_bytes().to_vec()), "whole again");
}

/// Obligation 30.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_no_text_is_kept_as_it_came_and_the_user_is_taken() {
    let house = House::open().await;
    empty_device(&house, "EN69", 69).await;
    let raw = b"\xd7\xbf\xd4\xbd\xc1\xd6".as_slice();
    for _ in 0..2 {
        says(&house, "EN69", raw).await;
    }
    assert_eq!(house.contents(&["7"]).await.len(), 2, "a user and its area");
    let held = house.held().await;
    assert_eq!(held.len(), 1, "{held:?}");
    assert!(held[0].reason.contains("not text in the charset of language 69"), "{}", held[0].reason);
    let kept = house.held_raw(held[0].id).await;
    assert!(kept.windows(raw.len()).any(|bytes| bytes == raw), "byte for byte");
}
