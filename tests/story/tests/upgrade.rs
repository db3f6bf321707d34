//! A database that an earlier program wrote, with devices in every state, under the program of today.

use databases::Kind;
use simulator::{Device, Model, Population, Session};
use store::HeldFilter;
use story::assert_same;
use story::program::Program;

/// Takes away what the steps of the migration after version 11 brought, the last one first: what is left is what the program of
/// version 11 would have written.
const BACK_TO_VERSION_11: &str = "
    ALTER TABLE sync_exception DROP COLUMN removal_code;
    ALTER TABLE device DROP COLUMN spot_checks;
    ALTER TABLE device DROP COLUMN unexplained_deletions;
    ALTER TABLE device DROP COLUMN people_read_at;
    ALTER TABLE device DROP COLUMN people_checked_at;
    ALTER TABLE device DROP COLUMN enrolment;
    DROP TABLE leaving;
    DROP TABLE suspension;
    ALTER TABLE item DROP COLUMN created_by;
    DROP TABLE former_mark;
    DROP TABLE claim_item;
    DROP TABLE claim;
    ALTER TABLE held DROP COLUMN life_seq;
    ALTER TABLE device DROP COLUMN rereads;
    ALTER TABLE device DROP COLUMN scan_replaces;
    ALTER TABLE sync_exception DROP COLUMN known_life;
    DROP TABLE roster_shown;
    ALTER TABLE device DROP COLUMN surplus_asked_at;
    ALTER TABLE device DROP COLUMN surplus_expected;
    ALTER TABLE device DROP COLUMN roster_complete;
    ALTER TABLE device DROP COLUMN roster_asked_at;
    DELETE FROM schema_migration WHERE version > 11;
";

const PEOPLE: Population =
    Population { users: 6, fingerprints: 2, faces_percent: 50, palms_percent: 0, user_photos_percent: 0 };

/// Somebody who is enrolled at a terminal with a finger.
const NEWCOMER: &str = "901";

async fn connect(program: &Program, serial: &str) -> Session {
    let session = program.connect(Device::new(Model::speedface(), serial)).await;
    session.remembering(200)
}

/// The commands that a device got with its last exchanges.
fn commands(session: &Session, exchanges: usize) -> Vec<String> {
    let answers = session.exchanges().rev().take(exchanges);
    let text = |answer: &[u8]| String::from_utf8_lossy(answer).into_owned();
    let lines = answers
        .flat_map(|exchange| text(&exchange.answer.body).lines().map(str::to_owned).collect::<Vec<_>>());
    lines.filter(|line| line.starts_with("C:")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_removes_nobody_mixes_nobody_and_sends_nothing_anew() {
    let mut program = Program::start();
    let mut at_rest = connect(&program, "SIM0001").await;
    let mut behind = connect(&program, "SIM0002").await;
    let mut retired = connect(&program, "SIM0003").await;
    for number in 0..PEOPLE.users {
        PEOPLE.enrol(number, 5, &mut at_rest);
    }
    program.calm([&mut at_rest, &mut behind, &mut retired]).await;
    assert!(program.run("device retire SIM0003").status.success());
    // From now on one device is off. It is owed a newcomer, a new name and a deletion, and has a change to tell.
    at_rest.enrol_user(NEWCOMER, "Grace");
    at_rest.enrol_fingerprint(NEWCOMER, 6);
    let held: Vec<String> = behind.content().people.keys().map(ToString::to_string).collect();
    program.calm([&mut at_rest]).await;
    assert!(program.run(&format!("user set {} --name Augusta", held[0])).status.success());
    assert!(program.run(&format!("user delete {} --yes", held[1])).status.success());
    program.calm([&mut at_rest]).await;
    behind.change_card(&held[2], 4_402_017);
    // And one is being taken in.
    let mut joining = Device::new(Model::speedface(), "SIM0004");
    PEOPLE.enrol(0, 5, &mut joining);
    let mut joining = program.connect(joining).await;
    let before = at_rest.content();

    program.kill();
    // SQLite drops no column that an index names, and the two engines name the index in different ways.
    let drop_index = match Kind::of_run() {
        Kind::Sqlite => "DROP INDEX sync_exception_removal;",
        Kind::MariaDb => "DROP INDEX sync_exception_removal ON sync_exception;",
    };
    program.sql(drop_index).await;
    program.sql(BACK_TO_VERSION_11).await;
    program.start_again();

    for _ in 0..20 {
        at_rest.step().await.expect("it is answered");
    }
    // The routine check may ask the device for its people and for a few templates.
    let is_question = |line: &String| ["DATA QUERY", "INFO"].iter().any(|words| line.contains(words));
    let written: Vec<String> = commands(&at_rest, 20).into_iter().filter(|line| !is_question(line)).collect();
    assert_eq!(written, [""; 0], "nothing is sent anew");
    assert_eq!(at_rest.content(), before);
    program.calm([&mut at_rest, &mut behind, &mut joining]).await;

    assert_eq!(at_rest.users(), PEOPLE.users, "one came and one went");
    assert_same(&at_rest, &behind);
    assert_same(&at_rest, &joining);
    assert_eq!(
        behind.person(&held[2]).expect("there").user.card,
        4_402_017,
        "a change from before the upgrade counts"
    );
    assert!(behind.person(&held[1]).is_none(), "who was deleted is gone");
    let store = program.store().await;
    let mut tx = store.read().await.expect("a transaction");
    let waiting = tx.held(&HeldFilter::default(), 10).await.expect("what is held");
    tx.rollback().await.expect("nothing was written");
    assert_eq!(waiting, []);
    assert!(!program.log().contains("ERROR"), "{}", program.log());
}
