//! The server is a process that dies: between any two steps, in the middle of one, and as it is asked to.

use std::collections::BTreeSet;
use std::sync::Arc;

use roster::{ItemKey, Kind, Seq};
use simulator::{Device, Faults, Holding, Model, Population, Session, difference};
use story::pin;
use story::program::{Program, Settings};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// People with everything: a template of many bytes, one of two hands, pictures.
const PEOPLE: Population = Population {
    users: 3,
    fingerprints: 2,
    faces_percent: 100,
    palms_percent: 100,
    user_photos_percent: 100,
};

/// People with a finger each.
const fn crowd(users: usize) -> Population {
    Population { users, fingerprints: 1, faces_percent: 0, palms_percent: 0, user_photos_percent: 0 }
}

fn enrol(people: &Population, device: &mut Device) {
    (0..people.users).for_each(|person| people.enrol(person, 5, device));
}

fn assert_same(a: &Holding<'_>, b: &Holding<'_>) {
    let differences: Vec<String> = difference(a, b).iter().map(ToString::to_string).collect();
    assert_eq!(differences, [""; 0], "{} and {}", a.label, b.label);
}

/// Two devices with nobody on them.
async fn two_devices(program: &Program) -> (Session, Session) {
    let mut a = program.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = program.connect(Device::new(Model::speedface(), "SIM0002")).await;
    program.calm([&mut a, &mut b]).await;
    (a, b)
}

/// Both hold the same people, with everything, and nothing was ever written twice to the fleet.
async fn assert_converged(program: &Program, [a, b]: [&Session; 2], users: usize) {
    assert_same(&a.holding(), &b.holding());
    assert_eq!((a.users(), b.users()), (users, users));
    assert_each_item_is_written_once(program).await;
}

/// What came a second time took no second number of the feed.
async fn assert_each_item_is_written_once(program: &Program) {
    let store = program.store().await;
    let head = store.feed_counters().await.expect("the clock").head.0;
    let mut tx = store.read().await.expect("a transaction");
    let items = tx.unread(Seq(0)).await.expect("the feed");
    assert_eq!(head, items);
    tx.rollback().await.expect("nothing was written");
    store.close().await;
}

/// What the database holds of so many people: whether it is a user or a template, and whose.
async fn stored(program: &Program, people: usize) -> BTreeSet<(Record, String)> {
    let pins: Vec<_> = (0..people).map(|person| pin(&Population::pin(person))).collect();
    let store = program.store().await;
    let mut tx = store.read().await.expect("a transaction");
    let keys = tx.live_keys(&pins).await.expect("the items");
    let contents = tx.contents(&keys).await.expect("the contents");
    tx.rollback().await.expect("nothing was written");
    store.close().await;
    let record = |kind| match kind {
        Kind::User => Some(Record::User),
        Kind::Template(_) => Some(Record::Fingerprint),
        _ => None,
    };
    let name = |key: &ItemKey| Some((record(key.slot.kind)?, key.pin.as_str().to_owned()));
    contents.keys().filter_map(name).collect()
}

/// The same of what a device was told that it is taken.
fn acknowledged(device: &Session) -> BTreeSet<(Record, String)> {
    let taken = device.exchanges().filter(|exchange| exchange.answer.is_ok());
    let bodies = taken.map(|exchange| String::from_utf8_lossy(&exchange.posted).into_owned());
    bodies.flat_map(|body| body.lines().filter_map(record_of).collect::<Vec<_>>()).collect()
}

fn record_of(line: &str) -> Option<(Record, String)> {
    let (tag, fields) = line.split_once(" PIN=")?;
    let record = match tag {
        "USER" => Record::User,
        "FP" => Record::Fingerprint,
        _ => return None,
    };
    Some((record, fields.split('\t').next()?.to_owned()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Record {
    User,
    Fingerprint,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_after_the_handshakes_knows_its_devices() {
    let mut program = Program::start();
    let mut a = program.connect(Device::new(Model::speedface(), "SIM0001")).await;
    let mut b = program.connect(Device::new(Model::speedface(), "SIM0002")).await;
    program.kill_and_start_again();

    enrol(&PEOPLE, &mut a);
    program.calm([&mut a, &mut b]).await;

    assert_converged(&program, [&a, &b], PEOPLE.users).await;
    // The second time because the server asked what they hold.
    assert_eq!((a.tally().handshakes, b.tally().handshakes), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_the_server_died_goes_out_after_it() {
    // Nothing is uploaded because it was asked for.
    let mut program = Program::with(PATIENT);
    let (mut a, mut b) = two_devices(&program).await;
    enrol(&PEOPLE, &mut a);
    a.upload_pending().await.expect("it is taken");
    let uploads = a.tally().uploads;
    program.kill_and_start_again();

    program.calm([&mut a, &mut b]).await;

    assert_converged(&program, [&a, &b], PEOPLE.users).await;
    assert_eq!(a.tally().uploads, uploads, "nobody had to send it again");
}

/// As in the other stories, but nothing that is answered at all is ever sent again.
const PATIENT: Settings =
    &[("MUSTER_ADMISSION", "open"), ("MUSTER_ADOPT_QUIET_S", "0"), ("MUSTER_READ_BACK_PERCENT", "0")];

/// A poll of the second device was answered, the device fares so, and the server dies.
/// Returns how many commands the device had executed by then.
async fn killed_after_a_poll(
    mut program: Program,
    people: Population,
    faults: Faults,
) -> (Program, Session, Session, u64) {
    let (mut a, mut b) = two_devices(&program).await;
    enrol(&people, &mut a);
    a.upload_pending().await.expect("it is taken");
    *b.faults_mut() = faults;
    let before = b.tally().commands;
    b.poll_once().await.expect("it is answered");
    let executed = b.tally().commands - before;
    *b.faults_mut() = Faults::default();
    program.kill_and_start_again();
    program.calm([&mut a, &mut b]).await;
    assert_converged(&program, [&a, &b], people.users).await;
    (program, a, b, executed)
}

/// A device got as many commands as one that is filled without any trouble.
async fn assert_each_command_came_once(program: &Program, a: &Session, b: &Session) {
    let mut c = program.connect(Device::new(Model::speedface(), "SIM0003")).await;
    program.calm([&mut c]).await;
    assert_same(&a.holding(), &c.holding());
    assert_eq!(b.tally().commands, c.tally().commands);
}

/// Known fault 9: sent and never answered is not stuck for ever.
#[tokio::test(flavor = "multi_thread")]
async fn commands_that_never_arrived_go_out_again_from_the_next_server() {
    let faults = Faults { lose_replies: 1000, ..Faults::default() };
    // Few enough for one reply: templates without the lost user would be tried again more and more slowly.
    let (_program, _a, b, executed) = killed_after_a_poll(Program::start(), crowd(5), faults).await;
    assert_eq!(executed, 0);
    assert!(b.tally().commands > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledgements_of_commands_of_the_dead_server_count_at_the_next_one() {
    let faults = Faults { late_acknowledgements: 1000, ..Faults::default() };
    let (program, a, b, executed) = killed_after_a_poll(Program::with(PATIENT), PEOPLE, faults).await;
    assert!(executed > 0);
    assert_each_command_came_once(&program, &a, &b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_whose_acknowledgements_were_lost_with_the_server_go_out_again_and_do_no_harm() {
    let faults = Faults { lose_acknowledgements: 1000, ..Faults::default() };
    let (_program, _a, b, executed) = killed_after_a_poll(Program::start(), PEOPLE, faults).await;
    assert!(executed > 0);
    assert!(b.tally().commands >= 2 * executed, "the first ones were executed twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_to_the_dead_server_is_not_sent_again_by_the_next_one() {
    let (program, a, b, executed) =
        killed_after_a_poll(Program::with(PATIENT), PEOPLE, Faults::default()).await;
    assert!(executed > 0);
    assert_each_command_came_once(&program, &a, &b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_the_server_died_of_is_stored_as_a_whole_or_not_at_all() {
    let mut program = Program::start();
    let people = crowd(400);
    let mut model = Model::k40();
    (model.batch_records, model.batch_bytes) = (2_000, 8 << 20);
    let mut a = program.connect(Device::new(model, "SIM0001")).await;
    enrol(&people, &mut a);
    let upload = a.next_upload().expect("there is something to tell");
    assert!(upload.records >= 800, "all of it in one body");
    let head = format!(
        "POST /iclock/cdata?SN=SIM0001&table={}&{} HTTP/1.1\r\nContent-Length: {}\r\n\r\n",
        upload.table,
        upload.stamp,
        upload.body.len()
    );
    let request = [head.as_bytes(), &upload.body].concat();

    for sent in [head.len() / 2, request.len() / 2, request.len() - 1, request.len()] {
        let mut stream = TcpStream::connect(program.address()).await.expect("a connection");
        stream.write_all(&request[..sent]).await.expect("the server reads");
        program.kill();
        let found = stored(&program, people.users).await.len();
        assert!(
            found == 0 || (sent == request.len() && found == 2 * people.users),
            "{found} of {sent} bytes"
        );
        program.start_again();
    }

    a.upload_pending().await.expect("it is taken");
    assert_eq!(stored(&program, people.users).await.len(), 2 * people.users);
    let mut b = program.connect(Device::new(Model::k40(), "SIM0002")).await;
    program.calm([&mut a, &mut b]).await;
    assert_converged(&program, [&a, &b], people.users).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_fill_goes_on_however_often_the_server_dies() {
    let mut program = Program::start();
    let people = crowd(300);
    let mut a = program.connect(Device::new(Model::k40(), "SIM0001")).await;
    enrol(&people, &mut a);
    a.upload_pending().await.expect("it is taken");
    let mut b = program.connect(Device::new(Model::k40(), "SIM0002")).await;

    for kill in 0..5 {
        b.poll_once().await.expect("it is answered");
        *b.faults_mut() = match kill % 3 {
            0 => Faults { late_acknowledgements: 1000, ..Faults::default() },
            1 => Faults { lose_acknowledgements: 1000, ..Faults::default() },
            _ => Faults { lose_replies: 1000, ..Faults::default() },
        };
        b.poll_once().await.expect("it is answered");
        *b.faults_mut() = Faults::default();
        // It dies of the next request, which may be answered or not.
        tokio::select! {
            biased;
            polled = b.poll_once() => drop(polled),
            () = tokio::task::yield_now() => {}
        }
        assert!(b.users() < people.users, "the fill goes on when the server dies");
        program.kill_and_start_again();
    }
    program.calm([&mut a, &mut b]).await;

    assert_converged(&program, [&a, &b], people.users).await;
    assert_eq!(b.tally().handshakes, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_was_acknowledged_survives_the_server() {
    let mut program = Program::start();
    let (mut a, mut b) = two_devices(&program).await;
    enrol(&PEOPLE, &mut a);
    program.calm([&mut a, &mut b]).await;

    a.delete_user("1002");
    a.upload_pending().await.expect("it is taken");
    program.kill_and_start_again();
    program.calm([&mut a, &mut b]).await;

    assert_same(&a.holding(), &b.holding());
    assert_eq!(b.users(), PEOPLE.users - 1);
    assert!(b.person("1002").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_one_file_is_refused_and_takes_over_when_the_first_has_died() {
    let mut program = Program::on_a_file();
    let (mut a, mut b) = two_devices(&program).await;

    let second = program.run("serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0");
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr);
    let sentence = format!("error: another server (process {}) uses the database ", program.id());
    assert!(said.contains(&sentence) && said.contains("muster.db: stop it first"), "{said}");
    assert_eq!(second.stdout, b"", "it never listened");

    enrol(&PEOPLE, &mut a);
    program.calm([&mut a, &mut b]).await;
    assert_converged(&program, [&a, &b], PEOPLE.users).await;

    program.kill_and_start_again();
    a.change_name("1001", "Ada Byron");
    program.calm([&mut a, &mut b]).await;
    assert_eq!(b.person("1001").expect("she is there").user.name, b"Ada Byron");
}

const UPLOADING: usize = 4;

/// Devices that enrol one person after the other and upload each at once, until the server is gone.
/// Returns when so many uploads were answered.
async fn uploading(program: &Program, answers: u32) -> JoinSet<Session> {
    let answered = Arc::new(Semaphore::new(0));
    let mut devices = JoinSet::new();
    for number in 0..UPLOADING {
        let device = Device::new(Model::k40(), &format!("SIM000{number}"));
        let mut session = program.connect(device).await.remembering(10_000);
        let answered = Arc::clone(&answered);
        devices.spawn(async move {
            for person in (number..).step_by(UPLOADING) {
                crowd(1).enrol(person, 5, &mut session);
                if session.upload_pending().await.is_err() {
                    break;
                }
                answered.add_permits(1);
            }
            session
        });
    }
    answered.acquire_many(answers).await.expect("it is never closed").forget();
    devices
}

/// What the devices were told to be taken is in the database of the dead server; the next one has it at once, and all
/// devices become equal.
async fn assert_nothing_is_lost(program: &mut Program, devices: JoinSet<Session>) {
    let mut devices = devices.join_all().await;
    let most = devices.iter().map(|device| device.users()).max().expect("four");
    let found = stored(program, UPLOADING * most).await;
    for device in &devices {
        let told = acknowledged(device);
        assert!(!told.is_empty(), "{}", device.serial());
        let lost: Vec<_> = told.difference(&found).collect();
        assert!(lost.is_empty(), "{}: {lost:?}", device.serial());
    }

    program.start_again();
    // Those who told it are off: what the new one gets, the server has kept.
    let mut new = program.connect(Device::new(Model::k40(), "SIM0009")).await;
    program.calm([&mut new]).await;
    let kept = found.iter().filter(|(record, _)| *record == Record::User).count();
    assert_eq!(new.users(), kept);

    let [a, b, c, d] = &mut devices[..] else { unreachable!("four were connected") };
    program.calm([a, b, c, d, &mut new]).await;
    for device in &devices {
        assert_same(&device.holding(), &new.holding());
    }
    assert_each_item_is_written_once(program).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_in_the_database_of_a_server_that_died_among_uploads() {
    let mut program = Program::start();
    let devices = uploading(&program, 40).await;
    program.kill();
    assert_nothing_is_lost(&mut program, devices).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_stop_among_uploads_has_stored_what_it_answered() {
    let mut program = Program::start();
    let devices = uploading(&program, 40).await;
    program.terminate();
    assert_eq!(program.ended(), Some(0), "{}", program.log());
    assert_nothing_is_lost(&mut program, devices).await;
}
