//! What the server says while it works, at the highest level there is: no secret, and nothing that somebody made up.

use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use fleet::device;
use fleet::user::{self, UserEdit};
use listener::Attendance;
use roster::{Content, ItemKey, Photo, Slot};
use simulator::{Device, Model, Random};
use store::{Change, DeviceOptions, ItemWrite, PhotoDelivery};
use story::raw::{Line, post};
use story::records::{biodata, biophoto, face, fingerprint_10, fp, photo, unified, userpic};
use story::{House, pin};
use sync::Joining;
use tracing::Level;
use wire::BioType;

/// Everything that was said in this process.
static SAID: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Said;

impl io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        SAID.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Listens to everything from now on, to every thread.
fn listen() {
    static LISTENING: OnceLock<()> = OnceLock::new();
    LISTENING.get_or_init(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_ansi(false)
            .without_time()
            .with_writer(|| Said)
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("nobody else listens");
    });
}

fn said() -> String {
    String::from_utf8(SAID.lock().unwrap_or_else(PoisonError::into_inner).clone()).expect("text")
}

/// Made-up secrets, each of them found nowhere else.
struct Secrets {
    password: &'static str,
    cards: [&'static str; 2],
    comm_key: &'static str,
    identity_number: &'static str,
    /// Base64 of templates and photos.
    payloads: Vec<String>,
}

impl Secrets {
    fn new() -> Self {
        let mut random = Random::new(28);
        let visible = unified(&mut random, BioType::VISIBLE_FACE, (58, 10), 900);
        let payloads = vec![
            fingerprint_10(&mut random, 1_000),
            visible,
            unified(&mut random, BioType::PALM, (12, 0), 900),
            photo(&mut random, 1_000),
            photo(&mut random, 1_000),
            photo(&mut random, 1_000),
        ];
        Self {
            password: "91827364",
            cards: ["3141592653", "2718281829"],
            comm_key: "hushkey77",
            identity_number: "110101199003070011",
            payloads,
        }
    }

    /// One person with everything that a device can hold of them.
    fn records(&self, pin: &str) -> String {
        let [print, visible, palm, picture, comparison, part] = self.payloads.as_slice() else {
            unreachable!()
        };
        let (password, [card, vice_card]) = (self.password, self.cards);
        [
            format!(
                "USER PIN={pin}\tName=Ada\tPri=14\tPasswd={password}\tCard={card}\tViceCard={vice_card}\n"
            ),
            fp(pin, 6, print),
            biodata(pin, 0, 0, BioType::VISIBLE_FACE, (58, 10), visible),
            biodata(pin, 0, 0, BioType::PALM, (12, 0), palm),
            userpic(pin, picture),
            biophoto(pin, comparison),
            face(pin, 0, part),
        ]
        .concat()
    }

    /// The same, each record with some damage.
    fn damaged_records(&self) -> Vec<String> {
        let records = self.records("8");
        let cut = |line: &str| format!("{}\n", &line[..line.len() * 2 / 3]);
        let joined = records.replace('\n', "\t");
        let untagged = |line: &str| format!("{}\n", line.split_once(' ').map_or(line, |(_, fields)| fields));
        let mut damaged: Vec<String> = records.lines().map(cut).collect();
        damaged.extend(records.lines().map(|line| format!("{}\n", line.replace("=8\t", "=8 or 9\t"))));
        damaged.extend(records.lines().map(untagged));
        damaged.extend(records.lines().map(|line| format!("{}\n", line.replace('\t', " "))));
        damaged.extend([joined, format!("{}\n", self.password), records.replace("Pri=14", "Pri=9x")]);
        damaged.extend(self.payloads.iter().map(|payload| format!("{payload}\n")));
        damaged
    }

    /// What must not be said: each text, of long ones any piece.
    fn pieces(&self) -> Vec<&str> {
        let short = [self.password, self.comm_key, self.identity_number].into_iter().chain(self.cards);
        let long = self
            .payloads
            .iter()
            .flat_map(|text| (16..text.len() - 24).step_by(24).map(|at| &text[at..at + 16]));
        short.chain(long).collect()
    }
}

/// Known fault 28. A device tells all it holds and another is sent it; records are damaged, refused and held, tables not
/// read, commands refused, requests broken off, and the database fails: at no level is a secret said.
/// Obligation 43.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one exchange, told from its beginning to its end")]
async fn no_secret_is_said_at_any_level_whatever_happens() {
    listen();
    let secrets = Secrets::new();
    let house = House::with(|config| config.devices.attendance = Attendance::Keep).await;
    let (upload, poll) = ("/iclock/cdata?SN=KEEP1&table=OPERLOG", "/iclock/getrequest?SN=KEEP2");
    let handshake = |serial: &str| {
        format!("/iclock/cdata?SN={serial}&options=all&pushver=2.4.1&pushcommkey={}", secrets.comm_key)
    };

    // Before they are known, and when they are taken in.
    for serial in ["KEEP1", "KEEP2"] {
        house.get(&handshake(serial)).await;
        house.post(&format!("/iclock/cdata?SN={serial}&table=OPERLOG"), secrets.records("7")).await;
        let (device, now) = (house.device(serial).await, house.now());
        house.operate(async |tx| device::approve(tx, &device, Joining::Adopt, now).await).await;
        house.get(&handshake(serial)).await;
        let options = format!(
            "FingerFunOn=1,FPVersion=10,FaceFunOn=1,FaceVersion=58,VisilightFun=1,PvFunOn=1,PvVersion=12,PhotoFunOn=1,\
             BioPhotoFun=1,MultiBioDataSupport=0:1:0:0:0:0:0:0:1:1,MultiBioPhotoSupport=0:0:0:0:0:0:0:0:0:1,\
             CommKey={}",
            secrets.comm_key
        );
        house.post(&format!("/iclock/cdata?SN={serial}&table=options"), options).await;
    }

    // Everything of a person, twice; then damaged in every way; then somebody else by the same number.
    for _ in 0..2 {
        assert_eq!(house.post(upload, secrets.records("7")).await.text(), "OK:7");
    }
    for damaged in secrets.damaged_records() {
        assert_eq!(house.post(upload, damaged).await.status(), 200);
    }
    let other = secrets.records("7").replace("Name=Ada", "Name=Bea");
    house.post("/iclock/cdata?SN=KEEP2&table=OPERLOG", other).await;
    house.advance(Duration::from_secs(31));
    house.get("/iclock/getrequest?SN=KEEP1").await;
    house.get(poll).await;
    let raised = secrets.records("6");
    house.post(upload, raised).await;

    // What is not read here.
    let idcard = format!("IDCARD PIN=0\tIDNum={}\tPhoto={}\n", secrets.identity_number, secrets.payloads[3]);
    let punch = format!("7\t2024-03-12 06:00:00\t0\t15\t\t0\t0\t{}\t0\n", secrets.identity_number);
    let picture = format!(
        "PIN=20240312060000-0-7-{}.jpg\nsize=9\npicture={}",
        secrets.identity_number, secrets.payloads[3]
    );
    for (table, body) in [("ATTLOG", punch), ("ATTPHOTO", picture)] {
        house.post(&format!("/iclock/cdata?SN=KEEP1&table={table}"), body).await;
    }
    let key = format!("/iclock/unheard-of?SN=KEEP1&pushcommkey={}&{}", secrets.comm_key, secrets.password);
    house.get(&key).await;
    house.post(&key, format!("{}\t{}", secrets.password, secrets.identity_number)).await;
    for target in [
        "/iclock/cdata?SN=KEEP1&table=IDCARD",
        "/iclock/cdata?SN=KEEP1&table=ATTPHOTO",
        "/iclock/cdata?SN=KEEP1&table=ATTLOG",
        "/iclock/cdata?SN=KEEP1&table=ERRORLOG",
        "/iclock/cdata?SN=KEEP1&table=UNHEARD_OF",
        "/iclock/cdata?SN=KEEP1&table=OPERLOG&ContentType=tgz",
        "/iclock/cdata?SN=KEEP1&type=PostVerifyData",
        "/iclock/unheard-of?SN=KEEP1",
        "/iclock/exchange?SN=KEEP1&type=publickey",
        "/iclock/querydata?SN=KEEP3&tablename=user&count=1",
    ] {
        house.post(target, format!("{idcard}{}", secrets.records("7"))).await;
    }

    // Commands hold all of it; they are taken, refused, never sent, and answered with a file.
    let mut sent = String::new();
    let mut code = [0, -1002, -12, -1001, 6, -10].into_iter().cycle();
    for _ in 0..40 {
        let commands = house.get(poll).await.text();
        for line in commands.lines() {
            let Some((id, _)) = line.strip_prefix("C:").and_then(|line| line.split_once(':')) else {
                continue;
            };
            let code = code.next().unwrap_or_default();
            let answer = format!("ID={id}&Return={code}&CMD=DATA&Passwd={}\n", secrets.password);
            house.post("/iclock/devicecmd?SN=KEEP2", answer).await;
        }
        sent += &commands;
        house.advance(Duration::from_mins(1));
    }
    let content = format!("ID=1\nReturn=0\nCMD=GetFile\nFILENAME=x\nContent={}", secrets.records("7"));
    house.post("/iclock/devicecmd?SN=KEEP2", content).await;
    let info = format!("ID=2&Return=0&CMD=INFO\nCommKey={}\n", secrets.comm_key);
    house.post("/iclock/devicecmd?SN=KEEP2", info).await;

    // An operator's hand.
    let edit = UserEdit {
        password: Some(secrets.password.to_owned()),
        card: Some(secrets.cards[0].to_owned()),
        ..UserEdit::default()
    };
    let now = house.now();
    house.operate(async |tx| user::set(tx, &pin("5"), &edit, now).await).await;

    // Broken off, too large, and a database that fails in the middle and altogether.
    let request = post(upload, secrets.records("4"));
    let mut line = Line::to(house.address()).await;
    line.write(&request[..request.len() - 9]).await;
    line.finish().await;
    assert_eq!(line.answer().await.status(), 400);
    house.fill("body", "1 = 1").await;
    assert_eq!(house.post(upload, secrets.records("4")).await.status(), 503);
    house.sql("ALTER TABLE held RENAME TO held_that_is_gone").await;
    house.sql("ALTER TABLE device_record RENAME TO device_record_that_is_gone").await;
    for table in ["IDCARD", "UNHEARD_OF"] {
        let answer = house.post(&format!("/iclock/cdata?SN=KEEP1&table={table}"), &idcard).await;
        assert_eq!(answer.status(), 503, "{table}");
    }

    // It did happen, and it was listened to.
    for text in
        [secrets.password, secrets.cards[0], &secrets.payloads[0], &secrets.payloads[1], &secrets.payloads[3]]
    {
        assert!(sent.contains(text), "it went to the other device");
    }
    let said = said();
    for text in [
        "KEEP1",
        "KEEP2",
        "INSERT INTO body",
        "INSERT INTO held",
        "INSERT INTO device_record",
        "database error",
        "held: muster held show",
    ] {
        assert!(said.contains(text), "{text} is said");
    }
    for piece in secrets.pieces() {
        if let Some(at) = said.find(piece) {
            let start = said[..at].rfind('\n').unwrap_or(0);
            let end = said[at..].find('\n').map_or(said.len(), |end| at + end);
            panic!("a secret is said: {}", &said[start..end]);
        }
    }
}

/// Whoever reaches the port writes into the log, as much as fits into one line, and no line of their own.
#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_made_up_is_one_short_line_of_the_log() {
    listen();
    let house = House::open().await;
    let forged = format!("%0AERROR%20forged%0D%0A%1B%5B2J{}", "f".repeat(5_000));
    for target in [
        format!("/iclock/cdata?SN=x{forged}&options=all"),
        format!("/iclock/cdata?SN=x{forged}&options=all&DeviceType=acc"),
        format!("/iclock/exchange?SN=x{forged}"),
        format!("/iclock/cdata?SN=MADEUP&options=all&pushver=2.4.1{forged}&language={forged}"),
        format!("/iclock/getrequest?SN=MADEUP&INFO={forged}"),
        format!("/{forged}"),
    ] {
        house.get(&target).await;
    }
    for (target, body) in [
        (format!("/iclock/cdata?SN=MADEUP&table={forged}"), "x"),
        (format!("/iclock/cdata?SN=MADEUP&type={forged}"), "x"),
        (format!("/iclock/cdata?SN=MADEUP&table=tabledata&tablename={forged}"), "x"),
        (format!("/iclock/{forged}?SN=MADEUP"), "x"),
        ("/iclock/devicecmd?SN=MADEUP".to_owned(), "ID=1\x1b[2J\rERROR forged&Return=0"),
        ("/iclock/cdata?SN=MADEUP&table=OPERLOG".to_owned(), "TAG\x1b[2J\rERROR=1 PIN=7"),
        ("/iclock/cdata?SN=MADEUP&table=options".to_owned(), "~DeviceName=\x1b[2J\rERROR forged"),
    ] {
        house.post(&target, body).await;
    }
    let said = said();
    assert!(said.contains("forged"), "it is said at all");
    for line in said.lines() {
        let level = line.trim_start().split(' ').next().unwrap_or_default();
        assert!(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"].contains(&level), "a line of its own: {line}");
        assert!(
            !line.starts_with("ERROR forged") && !line.contains('\x1b') && !line.contains('\r'),
            "{line}"
        );
        assert!(!line.contains(&"f".repeat(100)), "{} characters: {line:.200}", line.len());
    }
    for held in house.held().await {
        let table = held.table.unwrap_or_default();
        assert!(table.len() <= 64 && !table.contains(char::is_control), "{table:?} is shown on a terminal");
    }
}

/// Obligations 66, 67, 68.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_wants_the_vendors_encryption_is_refused_and_the_operator_is_told_which_and_what_to_do()
{
    listen();
    let house = House::open().await;
    for kind in ["publickey", "factors"] {
        let answer = house.post(&format!("/iclock/exchange?SN=CIPHER1&type={kind}"), "PublicKey=AAAA").await;
        assert_eq!((answer.status(), answer.text().starts_with("OK")), (404, false));
        assert!(!answer.text().contains('='), "no key, no factor: {answer:?}");
    }
    let said = said();
    let alarm = said.lines().find(|line| line.contains("ERROR") && line.contains("CIPHER1"));
    assert!(alarm.is_some_and(|line| line.contains("encryption") && line.contains("use HTTPS")), "{alarm:?}");
}

/// Whoever knows the token of a photo's URL may fetch it.
///
/// Obligations 165, 167.
#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_a_photo_is_never_said() {
    listen();
    let house = House::open().await;
    let mut a = house.connect(Device::new(Model::senseface(), "PHOTO1")).await;
    a.enrol_user("7", "Ada");
    house.calm([&mut a]).await;
    let device = house.device("PHOTO1").await.id;
    let slot = Slot::comparison_photo(BioType::VISIBLE_FACE);
    let content =
        Content::Photo(Photo { text: photo(&mut Random::new(5), 1_000), file_name: Some("7.jpg".into()) });
    let write = ItemWrite {
        key: ItemKey { pin: pin("7"), slot },
        hash: roster::hash(house.store.hash_key(), &slot, &content),
        content: Some(content),
        contested: false,
        made_of: None,
    };
    let change = Change { by: None, at: house.now(), undo_until: None };
    let options = DeviceOptions { photo_delivery: Some(PhotoDelivery::Url), ..DeviceOptions::default() };
    house
        .operate(async |tx| {
            tx.set_device_options(device, &options).await?;
            tx.write_items(std::slice::from_ref(&write), &change).await.map(drop)
        })
        .await;
    let answer = house.get("/iclock/getrequest?SN=PHOTO1").await.text();
    let token = answer.split("file/").nth(1).and_then(|rest| rest.split('/').next()).expect("a URL");
    assert_eq!(token.len(), 32, "{answer}");

    for (target, status) in [
        (format!("/iclock/file?SN=PHOTO2&url=file/{token}/photo.jpg"), 404),
        (format!("/iclock/file/{token}/photo.jpg?SN=PHOTO2"), 404),
        (format!("/iclock/file/{token}"), 404),
        (format!("/{token}/photo.jpg"), 404),
        (format!("/iclock/file/{token}/photo.jpg"), 200),
        (format!("/iclock/file/{token}/photo.jpg"), 404),
    ] {
        assert_eq!(house.get(&target).await.status(), status, "{target}");
    }
    house.post(&format!("/iclock/file/{token}/photo.jpg"), "a body").await;

    let said = said();
    assert!(said.contains("photo fetched") && said.contains("<token>"), "it is talked about");
    assert!(!said.contains(token), "the token is said");
}
