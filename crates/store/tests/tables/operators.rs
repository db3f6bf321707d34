//! What people order.

use roster::Millis;
use store::Order;
use sync::operator::State;

use crate::fleet::{Fleet, at};

fn order(verb: &str, repeatable: bool) -> Order {
    Order {
        verb: verb.into(),
        arguments: "a=1".into(),
        fence: false,
        repeatable,
        empties: false,
        by: "eve".into(),
    }
}

#[tokio::test]
async fn commands_wait_in_the_order_they_were_given() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;

    let first = tx.order(device, &order("reboot", false), at(0)).await.expect("ordered");
    let second = tx
        .order(device, &Order { fence: true, empties: true, ..order("clear", false) }, at(1))
        .await
        .expect("ordered");

    let waiting = tx.unfinished_orders(device).await.expect("orders");
    assert_eq!(waiting.iter().map(|row| row.command.number).collect::<Vec<_>>(), [first, second]);
    assert_eq!((first, second), (1, 2));
    assert!(!waiting[0].command.fence && waiting[1].command.fence && waiting[1].command.empties);
    assert_eq!((waiting[0].verb.as_str(), waiting[0].arguments.as_str()), ("reboot", "a=1"));
    assert_eq!((waiting[0].command.state, waiting[0].ordered_at), (State::Queued, at(0)));
    assert_eq!(tx.device(device).await.expect("read").expect("there").next_command, 3);
}

#[tokio::test]
async fn an_equal_repeatable_command_that_waits_is_not_ordered_twice() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let check = tx.order(device, &order("check", true), at(0)).await.expect("ordered");

    assert_eq!(tx.order(device, &order("check", true), at(1)).await.expect("there"), check);
    let other = Order { arguments: "b=2".into(), ..order("check", true) };
    assert_ne!(tx.order(device, &other, at(1)).await.expect("ordered"), check);
    let reboot = tx.order(device, &order("reboot", false), at(1)).await.expect("ordered");
    assert_ne!(tx.order(device, &order("reboot", false), at(1)).await.expect("ordered"), reboot);

    let mut command = tx.unfinished_orders(device).await.expect("orders").remove(0).command;
    command.state = State::Sent { sends: 1, due_at: at(2) };
    tx.put_order(device, &command, Some("w1"), None, at(1)).await.expect("written");
    assert_ne!(tx.order(device, &order("check", true), at(2)).await.expect("ordered"), check);
}

#[tokio::test]
async fn a_command_goes_from_queued_to_answered() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    tx.order(device, &order("info", true), at(0)).await.expect("ordered");
    let mut command = tx.unfinished_orders(device).await.expect("orders").remove(0).command;

    command.state = State::Sent { sends: 2, due_at: at(9) };
    tx.put_order(device, &command, Some("abc1"), None, at(1)).await.expect("written");
    let sent = tx.find_order(device, "abc1").await.expect("read").expect("there");
    assert_eq!((sent.command.clone(), sent.sent_at, sent.closed_at), (command.clone(), Some(at(1)), None));

    command.state = State::Answered { return_code: -2 };
    tx.put_order(device, &command, None, Some("FirmVer=1"), at(3)).await.expect("written");
    let answered = tx.find_order(device, "abc1").await.expect("read").expect("there");
    assert_eq!((answered.command, answered.sent_at, answered.closed_at), (command, Some(at(1)), Some(at(3))));
    assert_eq!(answered.reply.as_deref(), Some("FirmVer=1"));
    assert_eq!(tx.unfinished_orders(device).await.expect("orders"), []);
    assert_eq!(tx.find_order(device + 1, "abc1").await.expect("read"), None);
}

#[tokio::test]
async fn a_command_is_taken_back_only_before_it_is_sent() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    let number = tx.order(device, &order("reboot", false), at(0)).await.expect("ordered");
    let sent = tx.order(device, &order("info", false), at(0)).await.expect("ordered");
    let mut command = tx.unfinished_orders(device).await.expect("orders").remove(1).command;
    command.state = State::Sent { sends: 1, due_at: at(2) };
    tx.put_order(device, &command, Some("x"), None, at(1)).await.expect("written");

    assert!(tx.cancel_order(device, number, at(1)).await.expect("cancelled"));
    assert!(!tx.cancel_order(device, number, at(1)).await.expect("cancelled before"));
    assert!(!tx.cancel_order(device, sent, at(1)).await.expect("too late"));

    let rows = tx.orders(Some(device), 10).await.expect("orders");
    let states: Vec<_> = rows.iter().map(|row| (row.command.number, row.cancelled)).collect();
    assert_eq!(states, [(sent, false), (number, true)]);
}

#[tokio::test]
async fn a_waiting_command_is_due_at_once_and_a_sent_one_in_its_time() {
    let fleet = Fleet::new().await;
    let device = fleet.device("SN1").await.id;
    let mut tx = fleet.write().await;
    assert_eq!(tx.next_due(device).await.expect("read"), None);

    tx.order(device, &order("info", true), at(0)).await.expect("ordered");
    assert_eq!(tx.next_due(device).await.expect("read"), Some(Millis(0)));

    let mut command = tx.unfinished_orders(device).await.expect("orders").remove(0).command;
    command.state = State::Sent { sends: 1, due_at: at(2) };
    tx.put_order(device, &command, Some("x"), None, at(1)).await.expect("written");
    assert_eq!(tx.next_due(device).await.expect("read"), Some(at(2)));
}
