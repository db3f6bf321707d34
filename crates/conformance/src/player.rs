//! A played device: its requests, the commands that it received, and its acknowledgements.

use std::sync::Arc;
use std::time::Duration;

use simulator::http::ServerAddress;
use tokio::time::Instant;

use crate::command::Command;
use crate::connection::{Answer, CLOSE_TIMEOUT, Connection, Fault, OPEN_CONNECTION_WAIT};
use crate::exchange::Exchange;

/// Most polls until a server must have no work left.
const MAX_POLLS: usize = 80;

/// A played device and its connection to the server.
#[derive(Clone, Debug)]
pub(crate) struct Player {
    pub serial: String,
    pub server: ServerAddress,
    /// The end of the trial.
    pub end: Instant,
    /// Whether the server has left a connection open that it should have closed. Then later requests wait less for
    /// it.
    leaves_open: bool,
    /// All exchanges.
    pub exchanges: Vec<Arc<Exchange>>,
    /// All received commands, poll by poll.
    pub received: Vec<Vec<Command>>,
}

impl Player {
    pub(crate) fn new(serial: impl Into<String>, server: ServerAddress, end: Instant) -> Self {
        Self {
            serial: serial.into(),
            server,
            end,
            leaves_open: false,
            exchanges: Vec::new(),
            received: Vec::new(),
        }
    }

    /// A request in the form of captured devices, with additional `headers`.
    pub(crate) fn request(&self, method: &str, target: &str, headers: &str, body: Option<&[u8]>) -> Vec<u8> {
        let length = body.map(|body| format!("Content-Length: {}\r\n", body.len())).unwrap_or_default();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\nUser-Agent: iClock Proxy/1.09\r\nAccept: */*\r\n{headers}{length}\r\n",
            self.server.authority()
        );
        [head.as_bytes(), body.unwrap_or_default()].concat()
    }

    /// `/iclock/<page>?SN=<serial><query>`
    pub(crate) fn target(&self, page: &str, query: &str) -> String {
        format!("/iclock/{page}?SN={}{query}", self.serial)
    }

    /// Sends bytes on a new connection, and reads until the server closes it.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) -> Arc<Exchange> {
        let patience = if self.leaves_open { OPEN_CONNECTION_WAIT } else { CLOSE_TIMEOUT };
        let came = alone(&self.server, self.end, bytes, patience).await;
        self.leaves_open |= came.as_ref().is_ok_and(|answer| !answer.closed);
        self.record(bytes, came)
    }

    /// Records an exchange of a request that was written by hand.
    pub(crate) fn record(&mut self, sent: &[u8], came: Result<Answer, Fault>) -> Arc<Exchange> {
        let exchange = Arc::new(Exchange::new(sent, came));
        self.exchanges.push(Arc::clone(&exchange));
        exchange
    }

    pub(crate) async fn get(&mut self, target: &str) -> Arc<Exchange> {
        let request = self.request("GET", target, CLOSE, None);
        self.raw(&request).await
    }

    pub(crate) async fn post(&mut self, target: &str, body: impl AsRef<[u8]>) -> Arc<Exchange> {
        let headers = format!("{CLOSE}Content-Type: text/plain\r\n");
        let request = self.request("POST", target, &headers, Some(body.as_ref()));
        self.raw(&request).await
    }

    /// Uploads records of a table.
    pub(crate) async fn upload(&mut self, table: &str, body: impl AsRef<[u8]>) -> Arc<Exchange> {
        let target = self.target("cdata", &format!("&table={table}&Stamp=9999"));
        self.post(&target, body).await
    }

    /// Sends an initialization request.
    pub(crate) async fn introduce(&mut self, query: &str) -> Arc<Exchange> {
        let target = self.target("cdata", &format!("&options=all{query}"));
        self.get(&target).await
    }

    /// Polls once, without acknowledging the commands.
    pub(crate) async fn poll(&mut self, query: &str) -> (Arc<Exchange>, Vec<Command>) {
        let target = self.target("getrequest", query);
        let exchange = self.get(&target).await;
        let commands = self.hear(&exchange);
        (exchange, commands)
    }

    /// Records the commands in the answer to a poll.
    pub(crate) fn hear(&mut self, exchange: &Exchange) -> Vec<Command> {
        let commands = match &exchange.came {
            Ok(answer) if answer.status == 200 => Command::of_reply(&answer.body),
            _ => Vec::new(),
        };
        if !commands.is_empty() {
            self.received.push(commands.clone());
        }
        commands
    }

    /// Acknowledges commands with a return code, several in one request.
    pub(crate) async fn acknowledge(&mut self, commands: &[Command], return_code: i32) -> Arc<Exchange> {
        let line = |command: &Command| {
            let verb = command.verb.split(' ').next().unwrap_or_default();
            format!("ID={}&Return={return_code}&CMD={verb}\n", command.id)
        };
        let body: String = commands.iter().map(line).collect();
        let target = self.target("devicecmd", "");
        self.post(&target, body).await
    }

    /// Polls and acknowledges until no command comes; returns the commands.
    pub(crate) async fn obey(&mut self) -> Vec<Command> {
        let mut told = Vec::new();
        for _ in 0..MAX_POLLS {
            let (_, commands) = self.poll("").await;
            if commands.is_empty() {
                break;
            }
            self.acknowledge(&commands, 0).await;
            told.extend(commands);
        }
        told
    }

    /// All commands that it received.
    pub(crate) fn commands(&self) -> impl Iterator<Item = &Command> {
        self.received.iter().flatten()
    }
}

/// The header with which most devices ask to close the connection.
pub(crate) const CLOSE: &str = "Connection: close\r\n";

/// Sends one request on a new connection.
pub(crate) async fn alone(
    server: &ServerAddress,
    end: Instant,
    bytes: &[u8],
    patience: Duration,
) -> Result<Answer, Fault> {
    let mut line = Connection::to(server, end).await?;
    line.write(bytes).await?;
    let mut answer = line.answer().await?;
    if !answer.closed {
        (answer.surplus, answer.closed) = line.rest(patience).await;
    }
    Ok(answer)
}
