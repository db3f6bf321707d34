//! Names on their way between devices of different languages, each of which keeps them in its own charset and length.

use story::House;

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
    let body = [b"USER PIN=7\tName=".as_slice(), name, b"\tPri=0\n"].concat();
    let answer =
        house.post(&format!("/iclock/cdata?SN={serial_number}&table=OPERLOG&Stamp=9999"), body).await;
    assert_eq!(answer.text(), "OK:1");
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

/// Devices keep 24 bytes of a name, whatever letter that is in the middle of (field note 5.7).
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_a_device_cut_changes_nobody_elses_and_it_is_sent_whole_letters_from_then_on() {
    let house = House::open().await;
    let name = "Łukasz Żółćkowski-Ąęć";
    for serial_number in ["A1", "B1", "C1"] {
        empty_device(&house, serial_number, 69).await;
    }
    says(&house, "A1", name.as_bytes()).await;
    for serial_number in ["A1", "B1"] {
        assert_eq!(names_sent(&house, serial_number).await, [name.as_bytes()], "its first fill");
    }
    let head = house.head().await;
    says(&house, "B1", &name.as_bytes()[..24]).await;
    assert_eq!(house.head().await, head, "no change of the fleet");
    assert_eq!(names_sent(&house, "A1").await, [b""; 0]);
    assert_eq!(names_sent(&house, "C1").await, [name.as_bytes()], "whole, where nothing else is known");

    let longer = format!("{name}-Nowak");
    says(&house, "A1", longer.as_bytes()).await;
    let sent = names_sent(&house, "B1").await;
    let whole_letters = "Łukasz Żółćkowski-".as_bytes();
    assert!(
        sent.iter().all(|sent| longer.as_bytes().starts_with(sent) && str::from_utf8(sent).is_ok()),
        "{sent:?}"
    );
    assert!(sent.iter().all(|sent| sent.len() <= 24 && sent.len() >= whole_letters.len()), "{sent:?}");
    assert_eq!(sent.len(), 1, "{sent:?}");
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
