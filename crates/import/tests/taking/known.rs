//! Imports into a Muster that already has data and deletions.

use fleet::user::UserEdit;
use import::{CountedKind, Options, Outcome};
use roster::{Algorithm, Content, Format, Part, Slot, Template};
use wire::BioType;

use crate::old::{Old, plain, print10};
use crate::place::{OPTIONS, Place, counted, tell, told};

const OVERWRITE: Options = Options { overwrite: true, ..OPTIONS };

/// Two people with a finger each.
async fn two() -> Old {
    let old = Old::new().await;
    for (pin, name, seed) in [("7", "Ada", 1), ("8", "Grace", 2)] {
        old.user(pin, name, "A1", 0).await;
        old.print(pin, 0, &print10(120, seed), "A1", 0).await;
    }
    old
}

#[test]
fn a_second_run_writes_nothing() {
    tell(async {
        let (old, place) = (two().await, Place::new().await);
        place.take(&old.url()).await;
        let head = place.head().await;
        assert_eq!(head, 6, "user, membership and finger of two people");
        for options in [OPTIONS, OVERWRITE] {
            let report = place.take_as(&old.url(), options).await;
            assert_eq!(counted(&report, CountedKind::User), [2, 0, 2, 0, 0]);
            assert_eq!(counted(&report, CountedKind::Fingerprint), [2, 0, 2, 0, 0]);
            assert_eq!(report.cases, []);
        }
        assert_eq!(place.head().await, head);
    });
}

#[test]
fn a_dry_run_reports_the_same_and_writes_nothing() {
    tell(async {
        let (old, place) = (two().await, Place::new().await);
        let dry = place.take_as(&old.url(), Options { dry_run: true, ..OPTIONS }).await;
        assert_eq!(place.head().await, 0);
        assert!(place.items("7").await.is_empty());
        let real = place.take(&old.url()).await;
        assert!(dry.dry_run && !real.dry_run);
        assert_eq!((dry.counts, dry.cases), (real.counts, real.cases));
    });
}

#[test]
fn musters_data_stays_without_overwrite() {
    tell(async {
        let (old, place) = (two().await, Place::new().await);
        let edit = UserEdit { card: Some("99".into()), privilege: Some(6), ..UserEdit::default() };
        place.set("7", UserEdit { name: Some("Ada".into()), ..edit }).await;
        let algorithm = Algorithm { format: Format::Zk, major: 10, minor: 0 };
        let slot = Slot::template(BioType::FINGERPRINT, 0, algorithm);
        let text = print10(120, 9);
        let part = Part { index: 0, valid: 1, duress: false, text: text.clone() };
        place.put("7", slot, Content::Template(Template::single(part))).await;

        let report = place.take(&old.url()).await;

        assert_eq!(place.user("7").await.expect("there").card.as_deref(), Some("99"));
        assert_eq!(place.texts("7", "fingerprint 0 (10.0)").await, [text]);
        assert_eq!(counted(&report, CountedKind::User), [2, 1, 0, 1, 0]);
        assert_eq!(counted(&report, CountedKind::Fingerprint), [2, 1, 0, 1, 0]);
        assert_eq!(
            told(&report, "7", Outcome::Kept),
            [
                "user: Muster has other values: privilege, card; Muster's stays",
                "fingerprint 0 (10.0): Muster has another one; Muster's stays",
            ]
        );

        let report = place.take_as(&old.url(), OVERWRITE).await;

        let ada = place.user("7").await.expect("there");
        assert_eq!((ada.card, ada.privilege), (None, 0));
        assert_eq!(place.texts("7", "fingerprint 0 (10.0)").await, [print10(120, 1)]);
        assert_eq!(counted(&report, CountedKind::User), [2, 1, 1, 0, 0]);
        assert_eq!(told(&report, "7", Outcome::Replaced).len(), 2);
    });
}

#[test]
fn a_person_in_muster_does_not_get_the_fingers_of_another_person() {
    tell(async {
        let (old, place) = (two().await, Place::new().await);
        place.set("7", UserEdit { name: Some("Bob".into()), ..UserEdit::default() }).await;
        let algorithm = Algorithm { format: Format::Iso, major: 1, minor: 0 };
        let part = Part { index: 0, valid: 1, duress: false, text: plain(90, 1) };
        let slot = Slot::template(BioType::FINGERPRINT, 5, algorithm);
        place.put("7", slot, Content::Template(Template::single(part))).await;

        let report = place.take(&old.url()).await;

        assert_eq!(place.user("7").await.expect("there").name, "Bob");
        assert!(!place.items("7").await.contains_key("fingerprint 0 (10.0)"));
        assert_eq!(counted(&report, CountedKind::Fingerprint), [2, 1, 0, 1, 0]);
        assert!(told(&report, "7", Outcome::Kept)[0].contains("Muster has another person under this PIN"));

        place.take_as(&old.url(), OVERWRITE).await;

        let items = place.items("7").await;
        assert_eq!(place.user("7").await.expect("there").name, "Ada");
        assert!(!items.contains_key("fingerprint 5 (ISO 1.0)"), "nothing of Bob stays with her: {items:?}");
        assert!(items.contains_key("fingerprint 0 (10.0)") && items.contains_key("membership of area 1"));
    });
}

#[test]
fn a_person_deleted_in_muster_stays_deleted_without_overwrite() {
    tell(async {
        let (old, place) = (two().await, Place::new().await);
        place.take(&old.url()).await;
        place.delete("7").await;
        let head = place.head().await;

        let report = place.take(&old.url()).await;

        assert!(place.user("7").await.is_none());
        assert_eq!(place.head().await, head);
        assert_eq!(counted(&report, CountedKind::User), [2, 0, 1, 1, 0]);
        assert_eq!(
            told(&report, "7", Outcome::Deleted),
            ["user: was deleted in Muster: the person stays deleted"]
        );

        place.take_as(&old.url(), OVERWRITE).await;

        assert_eq!(place.items("7").await.len(), 3, "with membership and finger");
    });
}

#[test]
fn fingers_of_a_deleted_person_do_not_go_to_the_next_one_with_the_pin() {
    tell(async {
        let (old, place) = (two().await, Place::new().await);
        place.take(&old.url()).await;
        place.delete("7").await;
        place.set("7", UserEdit::default()).await;

        let report = place.take(&old.url()).await;

        assert!(!place.items("7").await.contains_key("fingerprint 0 (10.0)"));
        let deleted = told(&report, "7", Outcome::Deleted);
        assert_eq!(deleted, ["fingerprint 0 (10.0): it was deleted in Muster; not brought back"]);
    });
}

#[test]
fn many_people_are_taken_in_several_transactions() {
    tell(async {
        let (old, place) = (Old::new().await, Place::new().await);
        old.sql(
            "INSERT INTO users (pin, name, device_serial) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450) \
             SELECT i, 'Person ' || i, 'A1' FROM n",
        )
        .await;
        let report = place.take(&old.url()).await;
        assert_eq!(counted(&report, CountedKind::User), [450, 450, 0, 0, 0]);
        assert_eq!(place.head().await, 900);
    });
}

/// Obligation 37.
#[test]
fn one_of_two_pins_that_differ_only_in_case_is_taken_and_the_other_reported() {
    tell(async {
        let (old, place) = (Old::new().await, Place::new().await);
        old.user("x9", "Ada", "A1", 0).await;
        old.user("X9", "Bea", "A1", 0).await;
        old.user("a7", "Cora", "A1", 0).await;
        place.set("A7", UserEdit { name: Some("Dora".into()), ..UserEdit::default() }).await;
        for options in [OPTIONS, OVERWRITE] {
            let report = place.take_as(&old.url(), options).await;
            let taken = [place.user("x9").await, place.user("X9").await];
            assert_eq!(taken.iter().flatten().count(), 1, "one of them");
            assert!(place.user("a7").await.is_none());
            let reason = |other: &str| {
                format!(
                    "user: Muster knows a user {other}: only the case of letters differs, so devices may take both for one"
                )
            };
            let (kept, other) = if taken[0].is_some() { ("X9", "x9") } else { ("x9", "X9") };
            assert_eq!(told(&report, kept, Outcome::Kept), [reason(other)]);
            assert_eq!(told(&report, "a7", Outcome::Kept), [reason("A7")]);
        }
    });
}
