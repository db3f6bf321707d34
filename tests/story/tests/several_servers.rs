//! Several servers on one database, and a database that is away. Told on MariaDB, whatever database the run is about.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use databases::MariaDb;
use fleet::view::sync_status::all;
use roster::Millis;
use simulator::{Device, Model, Population, Random, Session, difference};
use store::Store;
use story::between::{Balancer, DatabaseProxy};
use story::program::Program;
use story::raw::{Line, get, post};
use tokio::task::JoinSet;

const DEVICES: usize = 200;

/// On so many of them somebody is enrolled.
const ENROLLING: usize = 25;

/// How often one of the servers is killed.
const DEATHS: usize = 8;

/// How often devices ask.
const PACE: Duration = Duration::from_millis(400);

/// How long the fleet may take to come to rest.
const PATIENCE: Duration = Duration::from_mins(4);

/// Somebody with a finger.
const ONE: Population =
    Population { users: 1, fingerprints: 1, faces_percent: 0, palms_percent: 0, user_photos_percent: 0 };

/// A device that asks, uploads and obeys until the story is over, and changes something now and then at its beginning.
async fn live(mut session: Session, number: usize, over: Arc<AtomicBool>) -> Session {
    let mut random = Random::new(u64::try_from(number).expect("small"));
    let mut changes = if number < ENROLLING { 6 } else { 0 };
    while !over.load(Ordering::SeqCst) {
        if changes > 0 && random.chance(300) {
            changes -= 1;
            let held: Vec<String> = session.content().people.keys().map(ToString::to_string).collect();
            let who = held[random.index(held.len())].clone();
            // Another name would be a question to an operator, who is not in this story.
            match random.index(2) {
                0 => session.change_card(&who, 1 + random.below(100_000)),
                _ => session.enrol_fingerprint(&who, 7),
            }
        }
        // A server that died in the middle of it: it comes again.
        let _ = session.step().await;
        tokio::time::sleep(PACE).await;
    }
    session
}

/// Waits until every device holds what it should, and stays so.
async fn at_rest(store: &Store) -> Vec<fleet::view::sync_status::DeviceStatus> {
    let mut calm = 0;
    let rest = async {
        loop {
            let mut tx = store.read().await.expect("a transaction");
            let status = all(&mut tx, Millis(0)).await.expect("the status");
            tx.rollback().await.expect("nothing was written");
            let served = |device: &fleet::view::sync_status::DeviceStatus| {
                device.joining.is_none()
                    && !device.filling
                    && device.unread + device.open + device.due + device.parked == 0
            };
            calm = if status.len() == DEVICES && status.iter().all(served) { calm + 1 } else { 0 };
            if calm == 6 {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::time::timeout(PATIENCE, rest).await.expect("the fleet comes to rest")
}

/// Devices whose every request goes to any of three servers, edits everywhere, and a server that dies again and again.
#[tokio::test(flavor = "multi_thread")]
async fn devices_that_move_between_servers_become_equal_while_one_server_keeps_dying() {
    let first = Program::on_mariadb(|database| database.url().to_owned());
    let (second, mut dying) = (first.beside(), first.beside());
    let balancer = Balancer::before(vec![first.address(), second.address(), dying.address()]).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut devices = JoinSet::new();
    for number in 0..DEVICES {
        let mut device = Device::new(Model::k40(), &format!("SIM{number:04}"));
        if number < ENROLLING {
            ONE.enrol(number, 5, &mut device);
        }
        let session = device.connect(balancer.address()).await.expect("it connects");
        devices.spawn(live(session.remembering(5), number, Arc::clone(&over)));
    }
    for _ in 0..DEATHS {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        dying.kill_and_start_again();
    }
    let store = first.store().await;
    at_rest(&store).await;
    over.store(true, Ordering::SeqCst);
    let sessions = devices.join_all().await;

    let one = &sessions[0];
    assert_eq!(one.users(), ENROLLING, "nobody is lost");
    for other in &sessions {
        let differences = difference(&one.holding(), &other.holding());
        assert!(differences.is_empty(), "{} and {}: {differences:?}", one.serial(), other.serial());
    }
    // Numbers are in their order, each once, and none is above the clock.
    let mut tx = store.read().await.expect("a transaction");
    let events = tx.item_events(roster::Seq(0), 100_000).await.expect("the feed");
    assert!(events.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    assert!(events.last().expect("it is not empty").seq <= tx.head().await.expect("the clock"));
    for program in [&first, &second, &dying] {
        assert!(!program.log().contains("ERROR"), "{}", program.log());
    }
}

/// A finger that the device had proves that a new name is the person's. Without one an operator says so, at any server.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_at_a_device_of_one_server_reaches_a_device_of_the_other() {
    let first = Program::on_mariadb(|database| database.url().to_owned());
    let second = first.beside();
    let mut a = first.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = second.connect(Device::new(Model::speedface(), "SIM0002")).await;
    a.enrol_user("1", "Ada");
    a.enrol_fingerprint("1", 6);
    a.enrol_user("2", "Bob");
    first.calm([&mut a, &mut b]).await;
    let name = |session: &Session, who: &str| {
        session.person(who).map(|person| String::from_utf8_lossy(&person.user.name).into_owned())
    };
    let names = |session: &Session| [name(session, "1"), name(session, "2")].map(Option::unwrap_or_default);
    assert_eq!(names(&b), ["Ada", "Bob"]);

    b.change_name("1", "Augusta");
    b.change_name("2", "Robert");
    first.calm([&mut a, &mut b]).await;
    assert_eq!((names(&a), names(&b)), (["Augusta".into(), "Bob".into()], ["Augusta".into(), "Bob".into()]));

    let store = first.store().await;
    let mut tx = store.read().await.expect("a transaction");
    let held = tx.held(&store::HeldFilter::default(), 10).await.expect("what is held");
    tx.rollback().await.expect("nothing was written");
    assert_eq!(held.len(), 1, "{held:#?}");
    let resolved = first.run(&format!("held resolve {} --device", held[0].id));
    assert!(resolved.status.success(), "{resolved:?}");
    first.calm([&mut a, &mut b]).await;
    assert_eq!(
        (names(&a), names(&b)),
        (["Augusta".into(), "Robert".into()], ["Augusta".into(), "Robert".into()])
    );
}

async fn health(program: &Program) -> (u16, String) {
    let mut line = Line::to(program.address()).await;
    line.write(&get("/health")).await;
    let answer = line.answer().await;
    (answer.status(), answer.text())
}

async fn upload(program: &Program, record: &str) -> (u16, String) {
    let mut line = Line::to(program.address()).await;
    line.write(&post("/iclock/cdata?SN=SIM0001&table=OPERLOG&Stamp=1", record)).await;
    let answer = line.answer().await;
    (answer.status(), answer.text())
}

/// A server whose database is away takes nothing, says so, and goes on by itself when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_costs_nobody_anything_but_time() {
    let line = DatabaseProxy::to(MariaDb::shared().socket());
    let by_line = |database: &databases::Database| {
        let (place, _) = database.url().split_once("?socket=").expect("a URL with a socket");
        format!("{place}?socket={}", line.socket().display())
    };
    let program = Program::on_mariadb(by_line);
    let mut a = program.connect(Device::new(Model::k40(), "SIM0001")).await;
    let mut b = program.connect(Device::new(Model::k40(), "SIM0002")).await;
    ONE.enrol(1, 5, &mut a);
    program.calm([&mut a, &mut b]).await;
    assert_eq!((b.users(), health(&program).await.0), (1, 200));

    line.cut();
    ONE.enrol(2, 5, &mut a);
    let _ = a.step().await;
    let refused = upload(&program, "USER PIN=9\tName=Nobody\n").await;
    assert_eq!(refused, (503, "ERROR: database error".to_owned()));
    let (status, said) = health(&program).await;
    assert!(status == 503 && said.contains(r#""status":"database""#), "{status} {said}");

    line.mend();
    program.calm([&mut a, &mut b]).await;

    assert_eq!(b.users(), 2, "what could not be stored was kept by the device, and came again");
    assert!(b.person("9").is_none(), "what was refused is not there");
    assert_eq!(health(&program).await.0, 200);
}

/// A server that is back is met by one error, not by one for each connection that broke meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_broke_together_are_found_out_together() {
    let line = DatabaseProxy::to(MariaDb::shared().socket());
    let database = databases::Database::of(databases::Kind::MariaDb);
    let (place, _) = database.url().split_once("?socket=").expect("a URL with a socket");
    let url = format!("{place}?socket={}&pool-size=40", line.socket().display());
    let store = Store::open(&url, store::Keys::from_secret(&[7; 32])).await.expect("the database opens");
    // More at a time than a transaction is tried again.
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(store.write().await.expect("a transaction"));
    }
    for tx in open {
        tx.rollback().await.expect("nothing was written");
    }

    line.cut();
    // What is under way when the line is cut may still go through.
    while let Ok(tx) = store.write().await {
        let _ = tx.rollback().await;
    }
    line.mend();

    let woken = store::retry(|| async {
        let mut tx = store.write().await?;
        tx.wake().await?;
        tx.commit().await
    });
    woken.await.expect("the database is there again");
}
