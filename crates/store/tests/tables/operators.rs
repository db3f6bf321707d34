//! Commands that operators queue.

use roster::Millis;
use store::{NewQueuedCommand, QueuedCommandUpdate};
use sync::operator::State;

use crate::fleet::{Fleet, at};

fn order(verb: &str, repeatable: bool) -> NewQueuedCommand {
    NewQueuedCommand {
        verb: verb.into(),
        arguments: "a=1".into(),
        secret: None,
        fence: false,
        repeatable,
        empties: false,
        answer_ms: 0,
        expires_at: None,
        by: "eve".into(),
    }
}

fn named(wire_id: &str) -> QueuedCommandUpdate<'_> {
    QueuedCommandUpdate { wire_id: Some(wire_id), ..QueuedCommandUpdate::default() }
}

#[tokio::test]
async fn commands_wait_in_the_order_in_which_they_were_queued() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;

    let first = tx.order(device, &order("reboot", false), at(0)).await.expect("ordered");
    let second = tx
        .order(device, &NewQueuedCommand { fence: true, empties: true, ..order("clear", false) }, at(1))
        .await
        .expect("ordered");

    let waiting = tx.unfinished_queued_commands(device).await.expect("orders");
    assert_eq!(waiting.iter().map(|row| row.command.number).collect::<Vec<_>>(), [first, second]);
    assert_eq!((first, second), (1, 2));
    assert!(!waiting[0].command.fence && waiting[1].command.fence && waiting[1].command.empties);
    assert_eq!((waiting[0].verb.as_str(), waiting[0].arguments.as_str()), ("reboot", "a=1"));
    assert_eq!((waiting[0].command.state, waiting[0].ordered_at), (State::Queued, at(0)));
    assert_eq!(tx.device(device).await.expect("read").expect("there").next_command, 3);
}

#[tokio::test]
async fn an_equal_repeatable_command_is_not_queued_twice() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let check = tx.order(device, &order("check", true), at(0)).await.expect("ordered");

    assert_eq!(tx.order(device, &order("check", true), at(1)).await.expect("there"), check);
    let other = NewQueuedCommand { arguments: "b=2".into(), ..order("check", true) };
    assert_ne!(tx.order(device, &other, at(1)).await.expect("ordered"), check);
    let reboot = tx.order(device, &order("reboot", false), at(1)).await.expect("ordered");
    assert_ne!(tx.order(device, &order("reboot", false), at(1)).await.expect("ordered"), reboot);

    let mut command = tx.unfinished_queued_commands(device).await.expect("orders").remove(0).command;
    command.state = State::Sent { sends: 1, due_at: at(2) };
    tx.update_queued_command(device, &command, named("w1"), at(1)).await.expect("written");
    assert_ne!(tx.order(device, &order("check", true), at(2)).await.expect("ordered"), check);
}

#[tokio::test]
async fn a_command_goes_from_queued_to_answered() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    tx.order(device, &order("info", true), at(0)).await.expect("ordered");
    let mut command = tx.unfinished_queued_commands(device).await.expect("orders").remove(0).command;

    command.state = State::Sent { sends: 2, due_at: at(9) };
    tx.update_queued_command(device, &command, named("abc1"), at(1)).await.expect("written");
    let sent = tx.find_queued_command(device, "abc1").await.expect("read").expect("there");
    assert_eq!((sent.command.clone(), sent.sent_at, sent.closed_at), (command.clone(), Some(at(1)), None));

    command.state = State::Answered { return_code: -2, done: false };
    tx.update_queued_command(
        device,
        &command,
        QueuedCommandUpdate { reply: Some("FirmVer=1"), ..QueuedCommandUpdate::default() },
        at(3),
    )
    .await
    .expect("written");
    let answered = tx.find_queued_command(device, "abc1").await.expect("read").expect("there");
    assert_eq!((answered.command, answered.sent_at, answered.closed_at), (command, Some(at(1)), Some(at(3))));
    assert_eq!(answered.reply.as_deref(), Some("FirmVer=1"));
    assert_eq!(tx.unfinished_queued_commands(device).await.expect("orders"), []);
    assert_eq!(tx.find_queued_command(device + 1, "abc1").await.expect("read"), None);
}

#[tokio::test]
async fn a_command_is_cancelled_only_before_it_is_sent() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let number = tx.order(device, &order("reboot", false), at(0)).await.expect("ordered");
    let sent = tx.order(device, &order("info", false), at(0)).await.expect("ordered");
    let mut command = tx.unfinished_queued_commands(device).await.expect("orders").remove(1).command;
    command.state = State::Sent { sends: 1, due_at: at(2) };
    tx.update_queued_command(device, &command, named("x"), at(1)).await.expect("written");

    assert!(tx.cancel_queued_command(device, number, at(1)).await.expect("cancelled"));
    assert!(!tx.cancel_queued_command(device, number, at(1)).await.expect("cancelled before"));
    assert!(!tx.cancel_queued_command(device, sent, at(1)).await.expect("too late"));

    let rows = tx.orders(Some(device), 10).await.expect("orders");
    let states: Vec<_> = rows.iter().map(|row| (row.command.number, row.cancelled)).collect();
    assert_eq!(states, [(sent, false), (number, true)]);
}

#[tokio::test]
async fn a_waiting_command_is_due_at_once_and_a_sent_one_at_its_deadline() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    assert_eq!(tx.next_due(device).await.expect("read"), None);

    tx.order(device, &order("info", true), at(0)).await.expect("ordered");
    assert_eq!(tx.next_due(device).await.expect("read"), Some(Millis(0)));

    let mut command = tx.unfinished_queued_commands(device).await.expect("orders").remove(0).command;
    command.state = State::Sent { sends: 1, due_at: at(2) };
    tx.update_queued_command(device, &command, named("x"), at(1)).await.expect("written");
    assert_eq!(tx.next_due(device).await.expect("read"), Some(at(2)));
}

#[tokio::test]
async fn secrets_of_a_command_and_its_answer_are_sealed_and_read_back() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let option = |value: &str| NewQueuedCommand {
        arguments: "CommKey".into(),
        secret: Some(format!("SET OPTION CommKey={value}").into_bytes()),
        ..order("SET OPTION", true)
    };
    let number = tx.order(device, &option("482913"), at(0)).await.expect("ordered");
    // Sealed parts are not compared: the other command may hold another value.
    let other = tx.order(device, &option("482914"), at(0)).await.expect("ordered");
    assert_ne!(other, number);
    let plain = tx.order(device, &order("SET OPTION", true), at(0)).await.expect("ordered");
    assert_ne!(plain, number);

    let row = tx.queued_command(device, number).await.expect("read").expect("there");
    assert_eq!((row.is_secret, row.has_content), (true, false));
    let secret = tx.queued_command_secret(device, other).await.expect("opened");
    assert_eq!(secret.as_deref(), Some(&b"SET OPTION CommKey=482914"[..]));
    assert_eq!(tx.queued_command_secret(device, plain).await.expect("read"), None);

    let command = sync::operator::OperatorCommand {
        state: State::Answered { return_code: 2, done: false },
        ..row.command
    };
    let news = QueuedCommandUpdate {
        content: Some(b"a\0file"),
        reply: Some("ID=1&Return=2"),
        ..QueuedCommandUpdate::default()
    };
    tx.update_queued_command(device, &command, news, at(1)).await.expect("written");
    let row = tx.queued_command(device, number).await.expect("read").expect("there");
    assert_eq!((row.command.state, row.has_content), (command.state, true));
    let content = tx.queued_command_content(device, number).await.expect("opened");
    assert_eq!(content.as_deref(), Some(&b"a\0file"[..]));
    assert_eq!(tx.queued_command_content(device, other).await.expect("read"), None);
    tx.commit().await.expect("committed");

    let plain = crate::opening::plain(&fleet).await;
    let sql = "SELECT sealed_text FROM operator_command WHERE sealed_text IS NOT NULL";
    let sealed: Vec<(Vec<u8>,)> = sqlx::query_as(sql).fetch_all(&plain).await.expect("rows");
    assert_eq!(sealed.len(), 2);
    assert!(sealed.iter().all(|(text,)| !text.windows(6).any(|six| six == b"482913")));
    let shown: Vec<(String,)> = sqlx::query_as("SELECT status FROM device_commands ORDER BY status")
        .fetch_all(&plain)
        .await
        .expect("a view");
    let shown: Vec<_> = shown.iter().map(|(status,)| status.as_str()).collect();
    assert_eq!(shown, ["failed", "pending", "pending"], "a positive number may be a refusal");
}

#[tokio::test]
async fn an_expired_command_is_shown_as_never_sent() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let unlock = NewQueuedCommand { expires_at: Some(at(9)), answer_ms: 5, ..order("AC_UNLOCK", false) };
    let number = tx.order(device, &unlock, at(0)).await.expect("ordered");
    let row = tx.queued_command(device, number).await.expect("read").expect("there");
    assert_eq!((row.command.expires_at, row.command.answer_ms), (Some(at(9)), 5));

    let command = sync::operator::OperatorCommand { state: State::Expired, ..row.command };
    tx.update_queued_command(device, &command, QueuedCommandUpdate::default(), at(10))
        .await
        .expect("written");
    let row = tx.queued_command(device, number).await.expect("read").expect("there");
    assert_eq!((row.cancelled, row.closed_at, row.sent_at), (true, Some(at(10)), None));
    assert_eq!(tx.unfinished_queued_commands(device).await.expect("orders"), []);
}

#[tokio::test]
async fn a_file_may_be_fetched_by_its_device_until_it_expires() {
    let fleet = Fleet::new().await;
    let (device, other) = (fleet.device("SN1").await.id, fleet.device("SN2").await.id);
    let mut tx = fleet.write().await;
    let content: Vec<u8> =
        (0..store::PART_BYTES + 7).map(|n| u8::try_from(n % 251).expect("small")).collect();
    let file = store::OfferedFile {
        token: "0123456789abcdef".into(),
        device,
        name: "a1.tgz".into(),
        bytes: u64::try_from(content.len()).expect("small"),
        as_base64: true,
        expires_at: at(9),
    };
    tx.offer_file(&file, &content).await.expect("offered");

    assert_eq!(tx.offered_file(&file.token, Some(device), at(8)).await.expect("read"), Some(file.clone()));
    assert_eq!(tx.offered_file(&file.token, None, at(8)).await.expect("read"), Some(file.clone()));
    assert_eq!(tx.offered_file(&file.token, Some(other), at(8)).await.expect("read"), None);
    assert_eq!(tx.offered_file(&file.token, Some(device), at(9)).await.expect("read"), None);
    let mut read = tx.offered_part(&file.token, 0).await.expect("a part");
    assert_eq!(read.len(), store::PART_BYTES);
    read.extend(tx.offered_part(&file.token, 1).await.expect("a part"));
    assert!(read == content);
    assert!(tx.offered_part(&file.token, 2).await.expect("read").is_empty());

    for what in [store::Finished::OfferedFiles, store::Finished::OfferedParts] {
        assert_eq!(tx.forget(what, at(8), 100).await.expect("forgotten"), 0);
        assert!(tx.forget(what, at(9), 100).await.expect("forgotten") > 0);
    }
    assert!(tx.offered_part(&file.token, 0).await.expect("read").is_empty());
}
