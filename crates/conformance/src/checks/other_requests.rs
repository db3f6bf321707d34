//! Requests beside uploads and commands: encryption, ping, background verification, remote attendance, files.

use crate::exchange::require;
use crate::scene::Scene;

pub(crate) async fn check(scene: &mut Scene) {
    encryption(scene).await;
    ping(scene).await;
    verification(scene).await;
    files(scene).await;
}

async fn encryption(scene: &mut Scene) {
    let Scene { a, ledger, .. } = scene;
    for (kind, body) in [("publickey", "PublicKey=UHViS2V5RGV2aWNl"), ("factors", "Factors=UjFmYWN0b3I=")] {
        let target = a.target("exchange", &format!("&type={kind}"));
        let exchange = a.post(&target, body).await;
        let case = format!("a device wants encryption: {kind}");
        ledger.judge(&[66], &case, &exchange, exchange.refused());
        let invents = exchange.text().contains("PublicKey=") || exchange.text().contains("Factors=");
        ledger.judge(&[68], &case, &exchange, require(!invents, "no key and no factor"));
    }
}

async fn ping(scene: &mut Scene) {
    let Scene { a, ledger, .. } = scene;
    let target = a.target("ping", "");
    let exchange = a.get(&target).await;
    ledger.judge(&[94], "a ping", &exchange, exchange.exactly("OK"));
    let exchange = a.post(&target, "").await;
    ledger.judge(&[96], "a ping by POST", &exchange, exchange.exactly("OK"));
}

async fn verification(scene: &mut Scene) {
    let pin = scene.pin();
    let Scene { a, stranger, ledger, .. } = scene;
    let target = a.target("cdata", "&type=PostVerifyData");
    let exchange = a.post(&target, "pin=1\tverifytype=1\tsomething=else\n").await;
    ledger.judge(&[144], "a body of background verification", &exchange, exchange.ok());
    let query = format!("&table=RemoteAtt&PIN={pin}");
    let target = a.target("cdata", &query);
    let unknown = a.get(&target).await;
    ledger.judge(&[148], "remote attendance of a PIN that nobody has", &unknown, unknown.ok());
    let target = stranger.target("cdata", &query);
    let exchange = stranger.get(&target).await;
    ledger.judge(&[146], "an unknown device asks for a user", &exchange, exchange.refused());
}

async fn files(scene: &mut Scene) {
    let Scene { a, ledger, .. } = scene;
    // The server's own port: were it fetched, its answer would come back.
    let url = format!("&url=http://{}{}", a.server.authority(), a.target("ping", ""));
    let target = a.target("file", &url);
    let exchange = a.get(&target).await;
    ledger.judge(&[165], "a file that was never offered", &exchange, exchange.refused());
}
