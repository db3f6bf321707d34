//! Several transactions at the same time, on separate connections.

use std::collections::BTreeSet;
use std::sync::Arc;

use databases::Kind;
use roster::Seq;
use store::{Change, Store, StoreError};
use sync::Joining;
use tokio::task::JoinSet;

use crate::fleet::{Fleet, at, finger, keys, serial, user, user_key};

/// Writes users as several tasks of several processes would. Returns every number that was assigned.
async fn write_users(fleet: &Fleet, stores: &[Store], each: usize) -> Vec<Seq> {
    let mut tasks = JoinSet::new();
    for (n, store) in stores.iter().cloned().enumerate() {
        let writes: Vec<_> = (0..each)
            .map(|m| {
                let (key, content) = user(&format!("{n}x{m}"), "somebody");
                fleet.writing(&key, Some(&content))
            })
            .collect();
        tasks.spawn(async move {
            let mut seqs = Vec::new();
            for write in writes {
                let change = Change { by: None, at: at(0), undo_until: None };
                let write = Arc::new(write);
                let given = store
                    .retrying(|tx| {
                        let write = Arc::clone(&write);
                        Box::pin(async move { tx.write_items(std::slice::from_ref(&*write), &change).await })
                    })
                    .await
                    .expect("written");
                seqs.extend(given);
            }
            seqs
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_of_several_processes_get_different_numbers() {
    let fleet = Fleet::new().await;
    let mut stores = vec![fleet.store.clone(), fleet.store.clone()];
    for _ in 0..2 {
        stores.push(Store::open_existing(fleet.url(), keys(1)).await.expect("a second process"));
    }

    let seqs = write_users(&fleet, &stores, 10).await;

    let different: BTreeSet<Seq> = seqs.iter().copied().collect();
    assert_eq!((seqs.len(), different.len()), (40, 40));
    assert_eq!(different.last(), Some(&Seq(40)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_that_follows_the_feed_misses_nothing() {
    let fleet = Fleet::new().await;
    let stores = vec![fleet.store.clone(), Store::open_existing(fleet.url(), keys(1)).await.expect("opened")];
    let follower = {
        let store = fleet.store.clone();
        tokio::spawn(async move {
            let (mut cursor, mut seen) = (Seq(0), Vec::new());
            while seen.len() < 60 {
                let mut tx = store.read().await.expect("a transaction");
                for (seq, key) in tx.feed_page(cursor, 7).await.expect("a page") {
                    cursor = seq;
                    seen.push((seq, key));
                }
                tokio::task::yield_now().await;
            }
            seen
        })
    };

    write_users(&fleet, &stores, 30).await;

    let seen = follower.await.expect("it ends");
    assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0));
    let different: BTreeSet<_> = seen.iter().map(|(_, key)| key.clone()).collect();
    assert_eq!(different.len(), 60);
}

#[tokio::test]
async fn a_dropped_transaction_changes_nothing() {
    let fleet = Fleet::new().await;
    let mut tx = fleet.write().await;
    let write = fleet.writing(&user_key("1"), Some(&user("1", "Ada").1));
    let change = Change { by: None, at: at(0), undo_until: None };
    tx.write_items(&[write], &change).await.expect("written");
    drop(tx);

    let mut tx = fleet.write().await;

    assert_eq!(tx.head().await.expect("head"), Seq(0));
    assert_eq!(tx.contents(&[user_key("1")]).await.expect("contents").len(), 0);
}

#[tokio::test]
async fn a_rolled_back_transaction_changes_nothing() {
    let fleet = Fleet::new().await;
    let mut tx = fleet.write().await;
    tx.reserve(5).await.expect("reserved");

    tx.rollback().await.expect("rolled back");

    assert_eq!(fleet.read().await.head().await.expect("head"), Seq(0));
}

/// The commit writes the row of the clock. Until then the members of a commit group pass the value on in memory.
#[tokio::test]
async fn members_of_a_commit_group_know_the_clock_of_earlier_members() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await;
    let before = fleet.store.feed_counters().await.expect("feed counters");
    let number = |after: i64| Seq(before.head.0 + after);
    let mut first = fleet.store.write_fleet().await.expect("a transaction");
    assert_eq!(first.reserve(2).await.expect("reserved"), number(2));
    first.wake().await.expect("woken");
    let store = fleet.store.clone();
    let second = tokio::spawn(async move {
        let mut tx = store.write_fleet().await.expect("a queue slot");
        let standing = tx.standing(&serial("SN1"), at(0)).await.expect("read").expect("it is known").2;
        let heads = [
            tx.head().await.expect("the head"),
            tx.feed_clock().await.expect("the feed").head,
            standing.feed.head,
        ];
        tx.approve_device(device.id, Joining::Adopt, at(0)).await.expect("approved");
        let last = tx.reserve(1).await.expect("reserved");
        tx.commit().await.expect("committed");
        (heads, last)
    });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    first.commit().await.expect("committed");

    let (heads, last) = second.await.expect("no panic");
    assert_eq!((heads, last), ([number(2); 3], number(3)));
    let after = fleet.store.feed_counters().await.expect("feed counters");
    assert_eq!((after.head, after.wakes), (number(3), before.wakes + 2));
    let device = fleet.read().await.device_by_serial(&serial("SN1")).await.expect("read").expect("there");
    assert_eq!(device.cursor, number(2), "joined after the first change");
}

#[tokio::test]
async fn a_reader_sees_the_snapshot_of_its_first_query() {
    let fleet = Fleet::new().await;
    fleet.put(&[user("1", "before")]).await;
    let mut reader = fleet.read().await;
    assert_eq!(reader.head().await.expect("head"), Seq(1));

    fleet.put(&[user("1", "after"), finger("1", 0, "QUFB")]).await;

    assert_eq!(reader.head().await.expect("head"), Seq(1));
    let contents = reader.contents(&[user_key("1")]).await.expect("contents");
    assert_eq!(contents.into_iter().collect::<Vec<_>>(), [user("1", "before")]);
    assert_eq!(fleet.read().await.head().await.expect("head"), Seq(3));
}

#[tokio::test]
async fn a_permanent_error_is_not_retried() {
    let fleet = Fleet::new().await;
    let mut runs = 0;

    let outcome: Result<(), StoreError> = fleet
        .store
        .retrying(|tx| {
            runs += 1;
            Box::pin(async move { tx.set_stamp(4711, "OPERLOG", "1").await })
        })
        .await;

    assert!(outcome.is_err());
    assert_eq!(runs, 1);
}

#[tokio::test]
async fn a_busy_database_is_retried() {
    let fleet = Fleet::new().await;
    let mut runs = 0;

    let outcome = fleet
        .store
        .retrying(|tx| {
            runs += 1;
            let busy = runs < 3;
            Box::pin(async move {
                tx.set_setting("runs", "more").await?;
                if busy { Err(StoreError::Busy(sqlx::Error::PoolTimedOut)) } else { Ok("done") }
            })
        })
        .await;

    assert_eq!(outcome.expect("in the end"), "done");
    assert_eq!(runs, 3);
}

/// The lock of a device does not stop uploads of other devices, so a poll compares the contents that it sends with
/// its decision.
#[tokio::test]
async fn a_change_between_a_decision_and_its_contents_causes_a_new_decision() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    fleet.put(&[user("1", "Ada")]).await;
    let versions = [(user_key("1"), Seq(1))];
    let mut poll = fleet.write().await;
    poll.lock_device(device).await.expect("locked");
    poll.unchanged(&versions).await.expect("nothing happened");
    if fleet.database.kind() == Kind::Sqlite {
        // On this engine no other transaction can write in the meantime.
        return;
    }

    fleet.put(&[user("1", "Ada Byron")]).await;

    assert!(matches!(poll.unchanged(&versions).await, Err(StoreError::Conflict)));
    poll.unchanged(&[(user_key("1"), Seq(2))]).await.expect("decided again");
}

/// Cached items belong to the transaction's position, so the page must end there too. Otherwise a device would get
/// the old state of an item together with the number of its change, and never read the change again.
#[tokio::test]
async fn a_cached_page_holds_no_change_after_the_position_of_the_transaction() {
    let fleet = Fleet::new().await;
    fleet.device("SN1").await;
    fleet.put(&[user("1", "Ada"), user("2", "Bob")]).await;
    let recent = store::FeedCache::default();
    let mut poll = fleet.write().await;
    let (_, _, standing) =
        poll.standing(&"SN1".parse().expect("a serial number"), at(0)).await.expect("read").expect("there");
    let mut shared = recent.share(standing.feed);
    if fleet.database.kind() == Kind::Sqlite {
        // On this engine no other transaction can write in the meantime.
        return;
    }

    fleet.put(&[user("1", "Ada Byron"), user("3", "Eve")]).await;

    let page = poll.cached_feed_page(&mut shared, Seq(0), 10).await.expect("a page");
    assert_eq!(*page, [(Seq(2), user_key("2"))], "the other changes come with the next poll");
}

/// Two polls of one device take turns by its row lock, even in different processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_polls_of_one_device_wait_for_each_other() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let other = Store::open_existing(fleet.url(), keys(1)).await.expect("a second process");
    let mut first = fleet.write().await;
    first.lock_device(device).await.expect("locked");
    let second = tokio::spawn(async move {
        let mut tx = other.write().await.expect("a transaction");
        let row = tx.lock_device(device).await.expect("locked").expect("there");
        row.next_command
    });
    first.order(device, &order(), at(0)).await.expect("ordered");

    first.commit().await.expect("committed");

    assert_eq!(second.await.expect("it ends"), 2, "it sees what the first one did");
}

fn order() -> store::NewQueuedCommand {
    store::NewQueuedCommand {
        verb: "CHECK".into(),
        arguments: String::new(),
        secret: None,
        fence: false,
        repeatable: true,
        empties: false,
        answer_ms: 0,
        expires_at: None,
        by: "ada".into(),
    }
}
