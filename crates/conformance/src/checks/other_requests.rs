//! Other requests than uploads and commands: encryption, ping, background verification, remote attendance, files.

use crate::exchange::require;
use crate::trial::Trial;

pub(crate) async fn check(trial: &mut Trial) {
    encryption(trial).await;
    ping(trial).await;
    verification(trial).await;
    files(trial).await;
}

async fn encryption(trial: &mut Trial) {
    let Trial { a, ledger, .. } = trial;
    for (kind, body) in [("publickey", "PublicKey=UHViS2V5RGV2aWNl"), ("factors", "Factors=UjFmYWN0b3I=")] {
        let target = a.target("exchange", &format!("&type={kind}"));
        let exchange = a.post(&target, body).await;
        let case = format!("a device wants encryption: {kind}");
        ledger.judge(&[66], &case, &exchange, exchange.refused());
        let invents = exchange.text().contains("PublicKey=") || exchange.text().contains("Factors=");
        ledger.judge(&[68], &case, &exchange, require(!invents, "no key and no factor"));
    }
}

async fn ping(trial: &mut Trial) {
    let Trial { a, ledger, .. } = trial;
    let target = a.target("ping", "");
    let exchange = a.get(&target).await;
    ledger.judge(&[94], "a ping", &exchange, exchange.exactly("OK"));
    let exchange = a.post(&target, "").await;
    ledger.judge(&[96], "a ping by POST", &exchange, exchange.exactly("OK"));
}

async fn verification(trial: &mut Trial) {
    let pin = trial.pin();
    let Trial { a, stranger, ledger, .. } = trial;
    let target = a.target("cdata", "&type=PostVerifyData");
    let exchange = a.post(&target, "pin=1\tverifytype=1\tsomething=else\n").await;
    ledger.judge(&[144], "a body of background verification", &exchange, exchange.ok());
    let query = format!("&table=RemoteAtt&PIN={pin}");
    let target = a.target("cdata", &query);
    let unknown = a.get(&target).await;
    ledger.judge(&[148], "remote attendance of an unused PIN", &unknown, unknown.ok());
    let target = stranger.target("cdata", &query);
    let exchange = stranger.get(&target).await;
    ledger.judge(&[146], "an unknown device asks for a user", &exchange, exchange.refused());
}

async fn files(trial: &mut Trial) {
    let Trial { a, ledger, .. } = trial;
    // The server's own address: if the server fetched it, its answer would come back.
    let url = format!("&url=http://{}{}", a.server.authority(), a.target("ping", ""));
    let target = a.target("file", &url);
    let exchange = a.get(&target).await;
    ledger.judge(&[165], "a file that was never offered", &exchange, exchange.refused());
}
