//! Attendance records, attendance photos, operations, identity cards and errors (§11.2, §11.3, §11.4, §11.6,
//! §11.16).

use crate::checks::in_words;
use crate::exchange::require;
use crate::trial::Trial;

pub(crate) async fn check(trial: &mut Trial) {
    punches(trial).await;
    pictures(trial).await;
    operations(trial).await;
    cards_and_errors(trial).await;
    trial.settle().await;
}

async fn punches(trial: &mut Trial) {
    let pin = trial.pin();
    let Trial { a, ledger, .. } = trial;
    let two = format!("{pin}\t2027-03-12 08:01:15\n{pin}\t2027-03-12 17:30:02\t1\t15\t\t0\t0\t\n");
    let exchange = a.upload("ATTLOG", &two).await;
    ledger.judge(
        &[109, 115],
        "punches with and without optional fields, of an unknown PIN",
        &exchange,
        exchange.count(2),
    );
    let odd = format!(
        "{pin}\t2027-03-12 08:01:15\t255\t200\t0\t0\t0\t255\t36.5\t\t\n\t1971--10--29 -23:-27:-54\t0\t1\n"
    );
    let exchange = a.upload("ATTLOG", odd).await;
    ledger.accepted(
        &[112, 113, 114],
        "unknown numbers, temperature, no PIN, a broken time",
        &exchange,
        exchange.count(2),
    );
    let exchange = a.upload("ATTLOG", &two).await;
    ledger.accepted(&[111], "the same punches again", &exchange, exchange.count(2));
}

async fn pictures(trial: &mut Trial) {
    let Trial { a, ledger, .. } = trial;
    let body = |name: &str, rest: &[u8]| {
        let head = format!("PIN={name}\nSN=1\nsize=9\nCMD=uploadphoto");
        [head.as_bytes(), rest].concat()
    };
    let raw = body("20270312080115-1007.jpg", b"\0\xff\xd8\x00CMD=\n\xff\xd9");
    for page in ["cdata", "fdata"] {
        let target = a.target(page, "&table=ATTPHOTO&Stamp=9999");
        let exchange = a.post(&target, &raw).await;
        ledger.judge(&[116, 121], &format!("a picture to {page}"), &exchange, exchange.exactly("OK"));
    }
    let base64 = body("20270312080115-1007.jpg", b"\0/9j/4AAQSkZJRg==");
    let exchange = a.upload("ATTPHOTO", base64).await;
    ledger.accepted(&[117, 118], "a picture in base64", &exchange, exchange.ok());
    let variant = body("20270312080115-1007.jpg", b"\npicture=/9j/4AAQSkZJRg==\n");
    let exchange = a.upload("ATTPHOTO", variant).await;
    ledger.accepted(&[119], "picture=", &exchange, exchange.ok());
    let named = body("../../../etc/20270312080115-1007.jpg", b"\0\xff\xd8\xff\xd9");
    let exchange = a.upload("ATTPHOTO", named).await;
    ledger.accepted(&[120], "a file name that leads elsewhere", &exchange, exchange.ok());
    let card = body("20270312080115-3-1007-990101198001011234.jpg", b"\0\xff\xd8\xff\xd9");
    let exchange = a.upload("ATTPHOTO", card).await;
    ledger.accepted(&[122], "a picture of an identity card", &exchange, exchange.ok());
}

async fn operations(trial: &mut Trial) {
    let (pin, now) = (trial.pin(), trial.local_time());
    let Trial { a, ledger, .. } = trial;
    let body = format!("OPLOG 4\t0\t{now}\t0\t0\t0\t0\nOPLOG 3\t0\t{now}\tDHCP\t0\t0\t0\n");
    let exchange = a.upload("OPERLOG", body).await;
    ledger.judge(&[123], "two operations", &exchange, exchange.count(2));
    let exchange = a.upload("OPERLOG", format!("OPLOG 4711\t0\t{now}\t0\t0\t0\t0\n")).await;
    ledger.judge(&[124], "an unknown operation", &exchange, exchange.count(1));
    let exchange = a.upload("OPERLOG", format!("WORKCODE PIN={pin}\tCODE=7\tNAME=Pause\n")).await;
    ledger.judge(&[137], "a work code", &exchange, exchange.count(1));
    a.obey().await;
    let exchange = a.upload("OPERLOG", format!("OPLOG 6\t0\t{now}\t{pin}\t6\t0\t1124\n")).await;
    let told = a.obey().await;
    let asked = told.iter().any(|command| command.verb == "DATA QUERY" && command.is_about(&pin));
    let case = "an unknown user enrolled a finger, and no other record came";
    ledger.note(
        &[126],
        case,
        &exchange.sent,
        &in_words(&told),
        require(asked, "DATA QUERY about that PIN with the next polls"),
    );
}

async fn cards_and_errors(trial: &mut Trial) {
    let Trial { a, ledger, .. } = trial;
    let card = "IDCARD PIN=0\tSNNum=0A1B2C3D\tIDNum=990101198001011234\tDNNum=\tName=Ilse Brandt\tGender=2\tNation=97\t\
        Birthday=19800101\tValidInfo=2020010120400101\tAddress=12 Quay Road\tAdditionalInfo=\tIssuer=City Office\tPhoto=\t\
        FPTemplate1=\tFPTemplate2=\tReserve=\tNotice=\n";
    let exchange = a.upload("IDCARD", card).await;
    ledger.accepted(&[141], "a card without a user", &exchange, exchange.count(1));
    let error = "ERRORLOG ErrCode=D01E0003\tErrMsg=\tDataOrigin=cmd\tCmdId=7f2k\tAdditional=\n";
    let exchange = a.upload("ERRORLOG", error).await;
    ledger.judge(&[143], "an error", &exchange, exchange.ok());
}
