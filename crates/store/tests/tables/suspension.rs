//! Suspensions and last days: the life that they belong to, and when they are deleted.

use std::collections::BTreeMap;

use roster::Area;
use store::{Finished, Punches, Suspension};

use crate::fleet::{Fleet, at, member, pin, user, user_key};

fn until(day: Option<&str>) -> Suspension {
    Suspension { since: at(1), areas: vec![Area(1), Area(12)], until: day.map(str::to_owned), left: false }
}

async fn suspended(fleet: &Fleet, who: &str) -> Option<Suspension> {
    fleet.read().await.suspensions(&[pin(who)]).await.expect("read").remove(&pin(who))
}

async fn last_day(fleet: &Fleet, who: &str) -> Option<String> {
    fleet.read().await.last_days(&[pin(who)]).await.expect("read").remove(&pin(who))
}

/// People 1 and 2; person 1 is suspended and has a last day.
async fn with_people() -> Fleet {
    let fleet = Fleet::new().await;
    fleet.put(&[user("1", "Ada"), user("2", "Bob"), member("2")]).await;
    let mut tx = fleet.write().await;
    tx.put_suspension(&pin("1"), &until(Some("2027-03-12"))).await.expect("written");
    tx.set_last_day(&pin("1"), Some("2027-03-31")).await.expect("written");
    tx.commit().await.expect("committed");
    fleet
}

async fn rows(fleet: &Fleet) -> (i64, i64) {
    let db = crate::opening::plain(fleet).await;
    let count = async |table: &str| -> i64 {
        let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        sqlx::query_scalar(sql).fetch_one(&db).await.expect("a count")
    };
    (count("suspension").await, count("leaving").await)
}

#[tokio::test]
async fn a_suspension_is_read_as_it_was_written_and_the_last_one_counts() {
    let fleet = with_people().await;
    let mut tx = fleet.read().await;
    let both = [pin("1"), pin("2"), pin("3")];
    let found = tx.suspensions(&both).await.expect("read");
    assert_eq!(found, BTreeMap::from([(pin("1"), until(Some("2027-03-12")))]));
    assert_eq!(tx.last_days(&both).await.expect("read"), BTreeMap::from([(pin("1"), "2027-03-31".into())]));
    tx.rollback().await.expect("nothing to undo");

    let left = Suspension { areas: Vec::new(), left: true, ..until(None) };
    let mut tx = fleet.write().await;
    tx.put_suspension(&pin("1"), &left).await.expect("written");
    tx.set_last_day(&pin("1"), Some("2028-01-01")).await.expect("written");
    tx.put_suspension(&pin("3"), &left).await.expect("no person has the PIN");
    tx.set_last_day(&pin("3"), Some("2028-01-01")).await.expect("no person has the PIN");
    tx.commit().await.expect("committed");
    assert_eq!(suspended(&fleet, "1").await, Some(left));
    assert_eq!(last_day(&fleet, "1").await.as_deref(), Some("2028-01-01"));
    assert_eq!(rows(&fleet).await, (1, 1));

    let mut tx = fleet.write().await;
    tx.end_suspension(&pin("1")).await.expect("removed");
    tx.set_last_day(&pin("1"), None).await.expect("removed");
    tx.commit().await.expect("committed");
    assert_eq!(rows(&fleet).await, (0, 0));
}

#[tokio::test]
async fn a_day_has_passed_on_the_day_after() {
    let fleet = with_people().await;
    let mut tx = fleet.write().await;
    tx.put_suspension(&pin("2"), &until(None)).await.expect("written");
    for (today, back, leaving) in [
        ("2027-03-12", 0, 0),
        ("2027-03-13", 1, 0),
        ("2027-03-31", 1, 0),
        ("2027-04-01", 1, 1),
        ("2031-01-01", 1, 1),
    ] {
        let found =
            (tx.suspended_until_before(today).await.expect("read").len(), tx.leaving_before(today).await);
        assert_eq!((found.0, found.1.expect("read").len()), (back, leaving), "{today}");
    }
}

#[tokio::test]
async fn the_next_owner_of_a_pin_is_not_suspended_and_does_not_leave() {
    for can_be_undone in [true, false] {
        let fleet = with_people().await;
        fleet.delete(&[user_key("1")], at(2), can_be_undone).await;
        assert_eq!((suspended(&fleet, "1").await, last_day(&fleet, "1").await), (None, None));
        fleet.put(&[user("1", "Cleo")]).await;
        assert_eq!((suspended(&fleet, "1").await, last_day(&fleet, "1").await), (None, None));
        let mut tx = fleet.write().await;
        assert_eq!(tx.suspended_until_before("2031-01-01").await.expect("read"), []);
        assert_eq!(tx.leaving_before("2031-01-01").await.expect("read"), []);
        // The second person was not deleted together with the former one.
        tx.undo(&pin("1"), None, at(3)).await.expect("nothing to undo");
        tx.commit().await.expect("committed");
        assert_eq!((suspended(&fleet, "1").await, last_day(&fleet, "1").await), (None, None));
    }
}

#[tokio::test]
async fn an_undone_deletion_leaves_the_person_suspended() {
    let fleet = with_people().await;
    fleet.delete(&[user_key("1")], at(2), true).await;

    let mut tx = fleet.write().await;
    assert_eq!(tx.undo(&pin("1"), None, at(3)).await.expect("undone").len(), 1);
    tx.commit().await.expect("committed");

    assert_eq!(suspended(&fleet, "1").await, Some(until(Some("2027-03-12"))));
    assert_eq!(last_day(&fleet, "1").await.as_deref(), Some("2027-03-31"));
}

#[tokio::test]
async fn rows_of_a_life_are_deleted_after_the_undo_period_or_by_an_erasure() {
    let fleet = with_people().await;
    fleet.delete(&[user_key("1")], at(2), true).await;
    assert_eq!(rows(&fleet).await, (1, 1));
    let mut tx = fleet.write().await;
    tx.forget(Finished::Undo, at(3 * 24 * 60), 100).await.expect("forgotten");
    tx.commit().await.expect("committed");
    assert_eq!(rows(&fleet).await, (0, 0));

    let fleet = with_people().await;
    fleet.delete(&[user_key("1")], at(2), true).await;
    let mut tx = fleet.write().await;
    let erased = tx.erase(&pin("1"), Punches::Keep, at(3)).await.expect("erased");
    tx.commit().await.expect("committed");
    assert_eq!((erased.rows["suspension"], erased.rows["leaving"]), (1, 1));
    assert_eq!(rows(&fleet).await, (0, 0));

    let fleet = with_people().await;
    fleet.delete(&[user_key("1")], at(2), false).await;
    assert_eq!(rows(&fleet).await, (0, 0));
}
