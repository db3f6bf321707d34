//! How many statements the two steps of a fan-out take. On SQLite each is a way to another thread and back, on a database server
//! one to another machine: their number is what a device costs.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use listener::Admission;
use simulator::Random;
use store::Engine;
use story::House;
use story::records::{fingerprint_10, fp, user};
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

/// The statements that were run in this process, as the driver tells of them.
#[derive(Clone, Default)]
struct Statements(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if ["sqlx::query", "store::query"].contains(&event.metadata().target()) {
            let mut text = Text::default();
            event.record(&mut text);
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text.whole());
        }
    }
}

/// Short statements are told in one field, long ones in another.
#[derive(Default)]
struct Text {
    summary: String,
    statement: String,
}

impl Text {
    fn whole(self) -> String {
        let text = if self.statement.trim().is_empty() { self.summary } else { self.statement };
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.statement),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

impl Statements {
    /// What was run since the last call, without what runs by itself several times a second, and without the beginning and the end
    /// of transactions, which not every driver tells of.
    fn take(&self) -> Vec<String> {
        let mut taken = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let words = ["BEGIN", "START", "COMMIT"];
        let by_itself = ["SELECT seq, wakes FROM feed_clock", "UPDATE device SET address", "lease"];
        taken.retain(|text| !by_itself.iter().any(|part| text.contains(part)));
        taken.retain(|text| !words.iter().any(|word| text.starts_with(word)));
        taken
    }
}

/// A person with three fingers who is enrolled somewhere, and two devices that take her one after the other: what was read
/// for the first is there for the second.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_takes_a_change_costs_few_statements() {
    let statements = Statements::default();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(statements.clone()))
        .expect("the only test of this program");
    let house = House::with(|config| {
        config.devices.admission = Admission::Open;
        config.devices.read_back_percent = 0;
    })
    .await;
    // A server of databases is told to lock the device, and asked again whether what was read is of one moment.
    let (lock, shared) = match house.store.engine() {
        Engine::Sqlite => (0, 0),
        Engine::Mysql => (1, 4),
    };
    for serial_number in ["A1", "B1", "C1"] {
        house.know(serial_number).await;
        // Empty, with fingerprints of version 10.
        let info = "Ver%208.0.4,0,0,0,192.0.2.1,10,7,0,0,111";
        house.get(&format!("/iclock/getrequest?SN={serial_number}&INFO={info}")).await;
    }
    house.advance(Duration::from_secs(31));
    let mut random = Random::named(1, "statements");
    for round in ["7", "8"] {
        let fingers: String =
            (0..3).map(|finger| fp(round, finger, &fingerprint_10(&mut random, 1_000))).collect();
        let body = user(round, "Ada") + &fingers;
        assert_eq!(house.post("/iclock/cdata?SN=A1&table=OPERLOG", body).await.text(), "OK:4");
        let mut cost = Vec::new();
        for serial_number in ["B1", "C1"] {
            statements.take();
            let commands = house.get(&format!("/iclock/getrequest?SN={serial_number}")).await.text();
            assert_eq!(commands.lines().count(), 4, "{commands}");
            let poll = statements.take();
            let ids = commands.lines().filter_map(|line| line.split(':').nth(1));
            let done: Vec<String> = ids.map(|id| format!("ID={id}&Return=0&CMD=DATA\n")).collect();
            let done = done.concat();
            house.post(&format!("/iclock/devicecmd?SN={serial_number}"), done).await;
            cost.push((poll, statements.take()));
        }
        // The first answers of a device also tell what it can take.
        if round == "8" {
            let [(first_poll, first_answer), (poll, answer)] = &cost[..] else { panic!("two devices") };
            assert!(first_poll.len() <= 8 + lock + shared, "{first_poll:#?}");
            assert!(first_answer.len() <= 3 + lock, "{first_answer:#?}");
            assert!(poll.len() <= 4 + lock, "{poll:#?}");
            assert!(answer.len() <= 3 + lock, "{answer:#?}");
        }
    }
}
