//! Hostile days at random over the real server: whatever terminals and operators do, a PIN on a terminal is one person.

use std::collections::BTreeSet;
use std::time::Duration;

use simulator::{Backup, Device, Model, Random, Restoring, Session};
use story::House;
use story::people::Hands;
use sync::Joining;

/// How much happens in one episode. After each act the terminals that are on ask once or a few times.
const ACTS: usize = 40;

const PINS: [&str; 4] = ["1", "2", "3", "4"];

/// A fleet, and whose everything on it really is. A person is called as nobody else ever is.
struct Days {
    house: House,
    hands: Hands,
    random: Random,
    sessions: Vec<Session>,
    is_on: Vec<bool>,
    backups: Vec<Option<Backup>>,
    people: usize,
    /// Whom an operator deleted, with the PIN.
    removed: BTreeSet<(String, String)>,
    /// What happened, for whoever has to understand a failure.
    told: Vec<String>,
}

impl Days {
    async fn begin(seed: u64) -> Self {
        let house = House::approving().await;
        let models = [Model::speedface(), Model::speedface(), Model::iface950(), Model::k40()];
        let mut sessions = Vec::new();
        for (number, model) in models.into_iter().enumerate() {
            let device = Device::new(model, &format!("SIM{number:04}")).with_seed(seed);
            sessions.push(house.joined(device, Joining::Adopt).await);
        }
        Self {
            house,
            hands: Hands::default(),
            random: Random::new(seed),
            is_on: vec![true; sessions.len()],
            backups: vec![None; sessions.len()],
            sessions,
            people: 0,
            removed: BTreeSet::new(),
            told: Vec::new(),
        }
    }

    fn somebody_new(&mut self) -> String {
        self.people += 1;
        format!("P{}", self.people)
    }

    fn name_on(&self, at: usize, who: &str) -> Option<String> {
        let person = self.sessions[at].person(who)?;
        Some(String::from_utf8_lossy(&person.user.name).into_owned())
    }

    async fn act(&mut self) {
        let (at, who) = (self.random.index(self.sessions.len()), PINS[self.random.index(PINS.len())]);
        let finger = u8::try_from(self.random.below(10)).expect("a finger");
        let name = self.name_on(at, who);
        match (self.random.below(100), name) {
            (0..26, None) => {
                let person = self.somebody_new();
                self.told.push(format!("{person} is enrolled at {at} as {who}"));
                self.hands.enrol_user(&mut self.sessions[at], who, &person, finger);
            }
            (0..26, Some(person)) => {
                self.told.push(format!("{person} enrols finger {finger} at {at}"));
                self.hands.enrol(&mut self.sessions[at], who, &person, finger);
            }
            (26..38, Some(person)) => {
                self.told.push(format!("{person} is deleted at {at}"));
                self.sessions[at].delete_user(who);
                if self.random.below(2) == 0 {
                    let next = self.somebody_new();
                    self.told.push(format!("{next} is enrolled at {at} as {who}"));
                    self.hands.enrol_user(&mut self.sessions[at], who, &next, finger);
                }
            }
            (38..50, _) => self.operator(who).await,
            (50..60, _) => {
                self.is_on[at] = !self.is_on[at];
                self.told.push(format!("{at} is on: {}", self.is_on[at]));
            }
            (60..68, _) => self.backups[at] = Some(self.sessions[at].backup()),
            (68..78, _) => {
                let ways = [Restoring::Silently, Restoring::FromBackup, Restoring::FromStick];
                let how = ways[self.random.index(ways.len())];
                if let Some(backup) = self.backups[at].clone() {
                    self.told.push(format!("{at} is restored {how:?}"));
                    self.sessions[at].restore(&backup, how);
                }
            }
            _ => {}
        }
        let rounds = 1 + self.random.index(3);
        self.pass(rounds).await;
    }

    /// An operator deletes whoever has the PIN, or enters somebody new under it, or both.
    async fn operator(&mut self, who: &str) {
        let held = self.house.contents(&[who]).await;
        let name = held.values().find_map(|content| match content {
            roster::Content::User(user) => Some(user.name.clone()),
            _ => None,
        });
        if let Some(name) = &name {
            self.told.push(format!("an operator deletes {name}, {who}"));
            self.house.delete(who).await;
            self.removed.insert((who.to_owned(), name.clone()));
        }
        if name.is_none() || self.random.below(2) == 0 {
            let person = self.somebody_new();
            self.told.push(format!("an operator enters {person}, {who}"));
            self.house.set_name(who, &person).await;
        }
    }

    /// Rounds of ten seconds, in which the terminals that are on ask.
    async fn pass(&mut self, rounds: usize) {
        for _ in 0..rounds {
            for (session, _) in self.sessions.iter_mut().zip(&self.is_on).filter(|(_, is_on)| **is_on) {
                session.step().await.expect("the terminal reaches the server");
            }
            self.house.advance(Duration::from_secs(10));
        }
    }

    /// All terminals are on again. Each is read again, as the handbook advises after one was restored without a sign, and a
    /// terminal that answers no questions connects anew while it is asked something.
    async fn rest(&mut self) {
        self.is_on.fill(true);
        self.pass(12).await;
        for session in &mut self.sessions {
            let (device, now) = (self.house.device(session.serial()).await, self.house.now());
            self.house.operate(async |tx| fleet::reread::ask_for_everything(tx, device.id, now).await).await;
            session.require_handshake();
        }
        for _ in 0..6 {
            self.pass(12).await;
            for session in &mut self.sessions {
                if self.house.status_of(session.serial()).await.asked > 0 {
                    session.require_handshake();
                }
            }
        }
    }

    /// What is wrong on the terminals.
    fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for session in &self.sessions {
            for line in self.hands.on(session) {
                let (whom, fingers) = line.split_once(": ").expect("a line of a person");
                let (who, name) = whom.split_once(' ').expect("a PIN and a name");
                let owners = fingers.split(", ").filter_map(|finger| finger.split(' ').next());
                if owners.clone().any(|owner| !owner.is_empty() && owner != name) {
                    wrong.push(format!("{}: fingers of somebody else: {line}", session.serial()));
                }
                if self.removed.contains(&(who.to_owned(), name.to_owned())) {
                    wrong.push(format!("{}: an operator deleted {line}", session.serial()));
                }
            }
        }
        wrong
    }
}

/// `MUSTER_CHAOS=1000 MUSTER_SEED=1000 cargo nextest run -p story --test identity_chaos` plays more of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_pin_on_a_terminal_is_one_person_whatever_terminals_and_operators_do() {
    let number = |variable: &str| std::env::var(variable).ok()?.parse().ok();
    let first = number("MUSTER_SEED").unwrap_or(1_u64);
    let mut failures = Vec::new();
    for seed in first..first + number("MUSTER_CHAOS").unwrap_or(12) {
        let mut days = Days::begin(seed).await;
        for _ in 0..ACTS {
            days.act().await;
        }
        days.rest().await;
        let wrong = days.wrong();
        if !wrong.is_empty() {
            failures.push(format!("seed {seed}: {}\n  {}", wrong.join("; "), days.told.join("\n  ")));
        }
    }
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}
