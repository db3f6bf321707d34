//! HTTP in the form of terminals.

use tokio::time::Instant;

use crate::connection::{Answer, Connection, Fault};
use crate::exchange::{Exchange, require};
use crate::player::{CLOSE, Player};
use crate::record::user;
use crate::trial::Trial;

/// More bytes than any server may accept.
const TOO_LARGE: u64 = 8 << 30;

/// Size of a body that a server must accept.
const LARGE: usize = 10 << 20;

pub(crate) async fn check(trial: &mut Trial) {
    let pin = trial.pin();
    let record = user(&pin, "Ada Lovelace");
    headers(trial, &record).await;
    targets(trial).await;
    connections(trial, &record).await;
    sizes(trial, &record).await;
    trial.settle().await;
}

async fn headers(trial: &mut Trial, record: &str) {
    let Trial { a, ledger, .. } = trial;
    let target = a.target("cdata", "&table=OPERLOG&Stamp=9999");
    for content_type in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/push;charset=UTF-8\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: application/json\r\n",
        "Content-Type:\r\n",
    ] {
        let request = a.request("POST", &target, &format!("{CLOSE}{content_type}"), Some(record.as_bytes()));
        let exchange = a.raw(&request).await;
        let case = if content_type.is_empty() { "no Content-Type" } else { content_type.trim_end() };
        ledger.judge(&[1], case, &exchange, exchange.count(1));
    }
    let odd =
        "Connection: starting\r\nAccept: application/push\r\nContent-Language: zh-CN\r\nX-Unheard-Of: 1\r\n";
    let request = a.request("POST", &target, odd, Some(record.as_bytes()));
    let exchange = a.raw(&request).await;
    ledger.judge(&[2], "unknown headers", &exchange, exchange.count(1));
}

async fn targets(trial: &mut Trial) {
    let Trial { a, ledger, .. } = trial;
    let absolute = format!("http://{}{}", a.server.authority(), a.target("getrequest", ""));
    let exchange = a.get(&absolute).await;
    ledger.judge(&[3], "an absolute target, as behind a proxy", &exchange, exchange.has_status(200));
    let target = a.target("cdata.aspx", "&options=all");
    let exchange = a.get(&target).await;
    let block = exchange.text().starts_with("GET OPTION FROM: ");
    ledger.judge(&[12], "cdata.aspx", &exchange, require(block, "an option block"));
    for page in ["getrequest", "ping"] {
        let target = a.target(&format!("{page}.aspx"), "");
        let exchange = a.get(&target).await;
        ledger.judge(&[12], &format!("{page}.aspx"), &exchange, exchange.has_status(200));
    }
    let target = a.target("devicecmd.aspx", "");
    let exchange = a.post(&target, "ID=0&Return=0&CMD=DATA\n").await;
    ledger.judge(&[12], "devicecmd.aspx", &exchange, exchange.ok());
    let target = a.target("fdata.aspx", "&table=ATTPHOTO&Stamp=9999");
    let exchange = a.post(&target, b"PIN=1.jpg\nSN=1\nsize=2\nCMD=uploadphoto\0\xff\xd8").await;
    ledger.judge(&[12], "fdata.aspx", &exchange, exchange.ok());
    let target = format!("/IClock/CData?sn={}&OPTIONS=All", a.serial);
    let exchange = a.get(&target).await;
    let block = exchange.text().starts_with("GET OPTION FROM: ");
    ledger.judge(&[13], "path and parameters in another case", &exchange, require(block, "an option block"));
    let encoded = a.serial.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    let exchange = a.get(&format!("/iclock/cdata?SN={encoded}&options=all")).await;
    let block = exchange.text().starts_with(&format!("GET OPTION FROM: {}\n", a.serial));
    ledger.judge(
        &[14],
        "a serial number in percent codes",
        &exchange,
        require(block, "the option block of that device"),
    );
    for target in ["/iclock/getrequest", "/iclock/getrequest?SN=", "/iclock/cdata?options=all"] {
        let exchange = a.get(target).await;
        let verdict = exchange.refused().and(exchange.has_status(400));
        ledger.judge(&[15, 16], "no serial number", &exchange, verdict);
    }
}

async fn connections(trial: &mut Trial, record: &str) {
    let Trial { a, ledger, .. } = trial;
    let poll = a.target("getrequest", "");
    let request = a.request("GET", &poll, "Connection: keep-alive\r\n", None);
    let twice = kept(a, &request).await;
    for exchange in &twice {
        ledger.judge(
            &[9],
            "a connection that is kept for a second request",
            exchange,
            exchange.has_status(200),
        );
    }
    let request = a.request("GET", &poll, CLOSE, None);
    let exchange = a.raw(&request).await;
    let closed = exchange.came.as_ref().is_ok_and(|answer| answer.closed);
    ledger.judge(&[9], "Connection: close", &exchange, require(closed, "the server closes the connection"));

    let target = a.target("cdata", "&table=OPERLOG&Stamp=9999");
    let mut bytes = a.request("POST", &target, CLOSE, Some(record.as_bytes()));
    bytes.extend_from_slice(&a.request("GET", &a.target("cdata", "&options=all"), CLOSE, None));
    let exchange = a.raw(&bytes).await;
    let alone = exchange.came.as_ref().is_ok_and(|answer| answer.surplus.is_empty());
    let verdict = exchange.count(1).and(require(alone, "one answer and the end of the connection"));
    ledger.judge(
        &[10],
        "bytes like a request after the body of a request that closes the connection",
        &exchange,
        verdict,
    );

    let headers = format!("{CLOSE}Expect: 100-continue\r\n");
    let bytes = a.request("POST", &target, &headers, Some(record.as_bytes()));
    let (head, body) = bytes.split_at(bytes.len().saturating_sub(record.len()));
    let came = expecting(a, head, body).await;
    let exchange = a.record(&bytes, came);
    ledger.judge(&[11], "Expect: 100-continue", &exchange, exchange.count(1));

    let chunks = format!("{:x}\r\n{record}\r\n0\r\n\r\n", record.len());
    let headers = format!("{CLOSE}Transfer-Encoding: chunked\r\n");
    let mut bytes = a.request("POST", &target, &headers, None);
    bytes.extend_from_slice(chunks.as_bytes());
    let exchange = a.raw(&bytes).await;
    ledger.judge(&[1], "a body in chunks", &exchange, exchange.count(1));
    let old = format!("POST {target} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{record}", record.len());
    let exchange = a.raw(old.as_bytes()).await;
    ledger.judge(&[1, 2], "HTTP/1.0 without Host", &exchange, exchange.count(1));
}

async fn sizes(trial: &mut Trial, record: &str) {
    let Trial { a, ledger, .. } = trial;
    // Empty lines are no records, so this large body leaves no data behind.
    let large = format!("{record}{}", "\n".repeat(LARGE));
    let exchange = a.upload("OPERLOG", large).await;
    ledger.judge(&[19], "a body of 10 MiB", &exchange, exchange.count(1));
    let target = a.target("cdata", "&table=OPERLOG&Stamp=9999");
    let bytes = a.request("POST", &target, &format!("{CLOSE}Content-Length: {TOO_LARGE}\r\n"), None);
    let exchange = a.raw(&bytes).await;
    ledger.judge(
        &[19],
        "a body of 8 GiB is announced",
        &exchange,
        exchange.has_status(413).and(exchange.refused()),
    );
}

/// Sends the same request twice on one connection.
async fn kept(player: &mut Player, request: &[u8]) -> [std::sync::Arc<Exchange>; 2] {
    let mut line = Connection::to(&player.server, player.end).await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let answer = match &mut line {
            Ok(line) => ask(line, request).await,
            Err(fault) => Err(fault.clone()),
        };
        answers.push(player.record(request, answer));
    }
    let nothing = || std::sync::Arc::new(Exchange::new(request, Err(Fault::TimeIsUp)));
    let mut answers = answers.into_iter();
    [answers.next().unwrap_or_else(nothing), answers.next().unwrap_or_else(nothing)]
}

async fn ask(line: &mut Connection, request: &[u8]) -> Result<Answer, Fault> {
    line.write(request).await?;
    line.answer().await
}

/// Sends the body after the server's interim answer, or after a timeout.
async fn expecting(player: &Player, head: &[u8], body: &[u8]) -> Result<Answer, Fault> {
    let mut line =
        Connection::to(&player.server, player.end.min(Instant::now() + std::time::Duration::from_secs(5)))
            .await?;
    line.write(head).await?;
    let first = line.answer().await?;
    if first.status != 100 {
        return Ok(first);
    }
    line.write(body).await?;
    line.answer().await
}
