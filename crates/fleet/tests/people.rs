//! What operators may do about people, and what the fleet refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use databases::Database;
use fleet::clock::Clock;
use fleet::suspension::{self, SuspensionOutcome};
use fleet::user::{SetOutcome, UserEdit, UserRefusal};
use fleet::user_erasure::{ErasedFile, ErasureScope, Punches};
use fleet::view::user::UserQuery;
use fleet::{Actor, Fleet, FleetError, NotFound, Rules};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use roster::Millis;
use sync::intake::Enrolment;
use wire::Pin;

const HOUR_MS: i64 = 3_600_000;

/// A fleet on an empty database, at 2024-03-12 06:00:00 UTC; in Berlin, where its server is, that is 07:00:00.
struct House {
    fleet: Fleet,
    now: Arc<AtomicI64>,
    actor: Actor,
    _database: Database,
}

impl House {
    async fn new() -> Self {
        let database = Database::new();
        let now = Arc::new(AtomicI64::new(1_710_223_200_000));
        let told = Arc::clone(&now);
        let rules = Rules {
            time_zone: TimeZone::get("Europe/Berlin").expect("a time zone"),
            enrolment: Enrolment::Hold,
            undo: Duration::from_hours(2),
            system_commands: false,
        };
        let clock = Clock::new(move || Millis(told.load(Ordering::SeqCst)));
        let fleet = Fleet::open(database.url(), &[42; 32], rules, clock).await.expect("it opens");
        Self { fleet, now, actor: Actor::Operator("olga".to_owned()), _database: database }
    }

    /// Lets time pass, and the server look for dates that have come.
    async fn advance(&self, hours: i64) {
        self.now.fetch_add(hours * HOUR_MS, Ordering::SeqCst);
        let dates = suspension::keep_dates(self.fleet.store(), self.fleet.clock(), self.fleet.rules());
        dates.await.expect("the dates are kept");
    }

    async fn set(&self, who: &str, edit: UserEdit) -> Result<SetOutcome, FleetError> {
        self.fleet.set_user(&self.actor, &pin(who), &edit).await
    }

    async fn with_users<const N: usize>(users: [&str; N]) -> Self {
        let house = Self::new().await;
        for who in users {
            assert_eq!(house.set(who, named(who)).await.expect("a user"), SetOutcome::Made);
        }
        house
    }

    async fn pins(&self, query: &UserQuery) -> (Vec<String>, bool) {
        let page = self.fleet.users(query).await.expect("a page");
        (page.users.into_iter().map(|user| user.pin).collect(), page.more)
    }
}

fn pin(text: &str) -> Pin {
    text.parse().expect("a PIN")
}

fn named(name: &str) -> UserEdit {
    UserEdit { name: Some(name.to_owned()), ..UserEdit::default() }
}

fn leaving(day: Option<Date>) -> UserEdit {
    UserEdit { leaves: Some(day), ..UserEdit::default() }
}

#[track_caller]
fn refusal<T: std::fmt::Debug>(outcome: Result<T, FleetError>) -> UserRefusal {
    match outcome {
        Err(FleetError::User(refusal)) => refusal,
        other => panic!("it is not refused: {other:?}"),
    }
}

#[track_caller]
fn missing<T: std::fmt::Debug>(outcome: Result<T, FleetError>) -> NotFound {
    match outcome {
        Err(FleetError::NotFound(missing)) => missing,
        other => panic!("it is there: {other:?}"),
    }
}

#[tokio::test]
async fn a_set_user_is_new_changed_or_unchanged() {
    let house = House::new().await;
    assert_eq!(house.set("7", UserEdit::default()).await.expect("made"), SetOutcome::Made);
    let changed = house.set("7", named("Ada")).await.expect("changed");
    assert_eq!(changed, SetOutcome::Changed { is_suspended: false });
    assert_eq!(house.set("7", named("Ada")).await.expect("nothing"), SetOutcome::Unchanged);
    assert_eq!(
        refusal(house.set("7", UserEdit::default()).await),
        UserRefusal::NothingToChange(pin("7")),
        "a mistake of the operator"
    );
    house.fleet.suspend_users(&house.actor, &[pin("7")], None).await.expect("suspended");
    let changed = house.set("7", named("Bea")).await.expect("changed");
    assert_eq!(changed, SetOutcome::Changed { is_suspended: true });
}

#[tokio::test]
async fn two_pins_that_differ_in_case_alone_are_refused() {
    let house = House::with_users(["A1"]).await;
    let other = refusal(house.set("a1", named("Bob")).await);
    assert_eq!(other, UserRefusal::SpelledOtherwise { wanted: pin("a1"), other: pin("A1") });
    assert_eq!(house.pins(&UserQuery::default()).await, (vec!["A1".to_owned()], false));
}

#[tokio::test]
async fn an_unknown_area_is_refused_and_no_user_is_created() {
    let house = House::new().await;
    let edit = UserEdit { areas: Some(vec![roster::Area(1), roster::Area(9)]), ..named("Ada") };
    let area = missing(house.set("7", edit).await);
    assert!(matches!(area, NotFound::Area { wanted: roster::Area(9), .. }), "{area:?}");
    assert!(matches!(missing(house.fleet.user(&pin("7")).await), NotFound::User { .. }));
}

#[tokio::test]
async fn a_day_that_is_over_in_the_time_zone_of_the_server_is_refused() {
    let house = House::with_users(["7"]).await;
    // 23:30 UTC: in Berlin the next day has begun.
    house.now.fetch_add(35 * HOUR_MS / 2, Ordering::SeqCst);
    let (today, yesterday) = (date(2024, 3, 13), date(2024, 3, 12));
    let is_over = UserRefusal::DayIsOver { day: yesterday, today };
    assert_eq!(refusal(house.set("7", leaving(Some(yesterday))).await), is_over);
    let suspended = house.fleet.suspend_users(&house.actor, &[pin("7")], Some(yesterday)).await;
    assert_eq!(refusal(suspended), is_over);
    assert!(house.fleet.user(&pin("7")).await.expect("Ada").suspended.is_none());
    house.set("7", leaving(Some(today))).await.expect("today is not over");
}

#[tokio::test]
async fn a_user_who_has_left_is_reinstated_before_anything_else() {
    let house = House::with_users(["7"]).await;
    house.set("7", leaving(Some(date(2024, 3, 12)))).await.expect("a last day");
    house.advance(24).await;
    let has_left = UserRefusal::HasLeft(pin("7"));
    for day in [Some(date(2999, 1, 1)), None] {
        assert_eq!(refusal(house.set("7", leaving(day)).await), has_left, "{day:?}");
    }
    let suspended = house.fleet.suspend_users(&house.actor, &[pin("7")], None).await;
    assert_eq!(refusal(suspended), has_left);

    let back = house.fleet.reinstate_users(&house.actor, &[pin("7")]).await.expect("back");
    assert_eq!(back[0].outcome, SuspensionOutcome::Reinstated);
    let user = house.fleet.user(&pin("7")).await.expect("Ada");
    assert_eq!((user.suspended, user.leaves, user.areas), (None, None, vec![1]));
    house.set("7", leaving(Some(date(2999, 1, 1)))).await.expect("another last day");
}

#[tokio::test]
async fn people_are_suspended_all_or_none() {
    let house = House::with_users(["7", "8"]).await;
    let suspend = |pins: Vec<Pin>, until| {
        let (fleet, actor) = (house.fleet.clone(), house.actor.clone());
        async move { fleet.suspend_users(&actor, &pins, until).await }
    };
    let nobody = missing(suspend(vec![pin("7"), pin("9")], None).await);
    assert!(matches!(nobody, NotFound::User { wanted, .. } if wanted == pin("9")));
    assert!(house.fleet.user(&pin("7")).await.expect("Ada").suspended.is_none());

    let outcomes = async |until| {
        let changes = suspend(vec![pin("7"), pin("8")], until).await.expect("suspended");
        changes.into_iter().map(|change| change.outcome).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(None).await, [SuspensionOutcome::Suspended; 2]);
    house.now.fetch_add(1, Ordering::SeqCst);
    assert_eq!(outcomes(None).await, [SuspensionOutcome::Unchanged; 2]);
    assert_eq!(outcomes(Some(date(2999, 1, 1))).await, [SuspensionOutcome::Changed; 2]);

    house.fleet.reinstate_users(&house.actor, &[pin("8")]).await.expect("back");
    let both = house.fleet.reinstate_users(&house.actor, &[pin("7"), pin("8")]).await;
    assert_eq!(refusal(both), UserRefusal::IsNotSuspended(pin("8")));
    assert!(house.fleet.user(&pin("7")).await.expect("Ada").suspended.is_some());
}

#[tokio::test]
async fn a_deletion_can_be_undone_for_a_while() {
    let house = House::with_users(["1001", "1002"]).await;
    let undo = async |who: &str| house.fleet.undo_deletion(&house.actor, &pin(who)).await;
    assert_eq!(refusal(undo("1001").await), UserRefusal::IsNotDeleted(pin("1001")));
    let nothing = |wanted: &str, nearest: Option<&str>| UserRefusal::NoDeletion {
        wanted: pin(wanted),
        nearest: nearest.map(pin),
    };
    assert_eq!(refusal(undo("1003").await), nothing("1003", None));

    house.fleet.suspend_users(&house.actor, &[pin("1002")], None).await.expect("suspended");
    for who in ["1001", "1002"] {
        let deleted = house.fleet.delete_user(&house.actor, &pin(who)).await.expect("deleted");
        assert_eq!(deleted.until, house.fleet.now().plus(2 * HOUR_MS));
        let twice = missing(house.fleet.delete_user(&house.actor, &pin(who)).await);
        assert!(matches!(twice, NotFound::User { can_be_undone: true, .. }), "{twice:?}");
    }
    assert_eq!(refusal(undo("1001x").await), nothing("1001x", Some("1001")));
    assert_eq!(house.fleet.deletions().await.expect("the deletions").len(), 2);
    let back = undo("1002").await.expect("back");
    assert!(back.items > 0 && back.suspension.is_some(), "{back:?}");

    house.advance(2).await;
    assert_eq!(refusal(undo("1001").await), nothing("1001", None));
    assert!(house.fleet.deletions().await.expect("none").is_empty());
}

#[tokio::test]
async fn a_deleted_user_can_still_be_erased_and_a_stranger_cannot() {
    let house = House::with_users(["7"]).await;
    let scope = ErasureScope { punches: Punches::Keep, rewrites_file: true };
    let erase = async |who: &str| house.fleet.erase_user(&house.actor, &pin(who), scope).await;
    assert_eq!(house.fleet.erasable_name(&pin("7")).await.expect("a name"), "7");
    house.fleet.delete_user(&house.actor, &pin("7")).await.expect("deleted");
    assert!(matches!(missing(house.fleet.user_name(&pin("7")).await), NotFound::User { .. }));
    assert_eq!(house.fleet.erasable_name(&pin("7")).await.expect("traces"), "");

    let erased = erase("7").await.expect("erased");
    assert!(!erased.rows.is_empty(), "{erased:?}");
    let has_file = Database::new().kind() == databases::Kind::Sqlite;
    assert_eq!(matches!(erased.file, ErasedFile::Rewritten), has_file, "{erased:?}");
    assert!(house.fleet.deletions().await.expect("none").is_empty());
    assert!(matches!(missing(erase("8").await), NotFound::User { .. }));
}

#[tokio::test]
async fn a_page_ends_at_its_limit_and_says_that_there_are_more() {
    let house = House::with_users(["A1", "B2", "C3"]).await;
    let card = UserEdit { vice_card: Some("4711".to_owned()), ..UserEdit::default() };
    house.set("C3", card).await.expect("a card");
    let query = |search: Option<&str>, limit| UserQuery { search: search.map(ToOwned::to_owned), limit };
    for (query, pins, more) in [
        (query(None, None), vec!["A1", "B2", "C3"], false),
        (query(None, Some(3)), vec!["A1", "B2", "C3"], false),
        (query(None, Some(2)), vec!["A1", "B2"], true),
        (query(None, Some(0)), vec![], true),
        (query(Some("b2"), Some(1)), vec!["B2"], false),
        (query(Some("471"), None), vec!["C3"], false),
        (query(Some("D"), None), vec![], false),
    ] {
        let pins: Vec<String> = pins.into_iter().map(ToOwned::to_owned).collect();
        assert_eq!(house.pins(&query).await, (pins, more), "{query:?}");
    }
}
