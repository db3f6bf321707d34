//! A test server of this crate, which answers each request as the test specifies.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// The answers of a test server: method and target, body → status, body.
pub(crate) type Answering = dyn FnMut(&str, &[u8]) -> (u16, Vec<u8>) + Send;

/// Starts a server that lives as long as the runtime of the test.
pub(crate) async fn serve(
    answering: impl FnMut(&str, &[u8]) -> (u16, Vec<u8>) + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answering: Arc<Mutex<Box<Answering>>> = Arc::new(Mutex::new(Box::new(answering)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_one(stream, Arc::clone(&answering)));
        }
    });
    address
}

async fn answer_one(mut stream: TcpStream, answering: Arc<Mutex<Box<Answering>>>) {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let length =
        text.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok()).unwrap_or(0);
    while bytes.len() < head + length {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let request =
        text.lines().next().and_then(|line| line.rsplit_once(' ')).map_or("", |(request, _)| request);
    let (status, body) = (answering.lock().unwrap_or_else(PoisonError::into_inner))(request, &bytes[head..]);
    let head = format!(
        "HTTP/1.1 {status} Whatever\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\
         Date: Fri, 12 Mar 2027 06:53:01 GMT\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(&[head.into_bytes(), body].concat()).await;
}

/// The options that the test servers send to a device.
pub(crate) fn option_block(serial: &str) -> Vec<u8> {
    format!(
        "GET OPTION FROM: {serial}\nServerVer=2.4.1\nPushOptionsFlag=1\nDelay=10\nTimeZone=330\n\
         MultiBioDataSupport=0:1:1:0:0:0:0:0:1:1\nMultiBioPhotoSupport=0:0:0:0:0:0:0:0:0:1\n"
    )
    .into_bytes()
}

/// A parameter of the query.
pub(crate) fn parameter<'t>(target: &'t str, name: &str) -> &'t str {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap_or("")
}

/// The command that writes a reported record; `None` for an operation.
pub(crate) fn as_command(line: &str) -> Option<String> {
    let (tag, fields) = line.split_once(' ')?;
    let table = match tag {
        "OPLOG" => return None,
        "USER" => "USERINFO",
        "FP" => "FINGERTMP",
        other => other,
    };
    let fields =
        fields.replace("SIZE=", "Size=").replace("VALID=", "Valid=").replace("Format=ZK", "Format=0");
    Some(format!("DATA UPDATE {table} {}", fields.replace("Type=0\tSize", "Type=9\tSize")))
}

/// The simplest server that makes devices of one model equal. It sends each report of one device to all others, in
/// order, until they acknowledge.
#[derive(Default)]
pub(crate) struct Relay {
    lines: Vec<(String, String)>,
    /// The state of each device: commands sent, and whether they were acknowledged.
    devices: BTreeMap<String, HashMap<usize, bool>>,
}

impl Relay {
    /// Starts it.
    pub async fn start() -> SocketAddr {
        Self::holding(Vec::new()).await
    }

    /// Starts it with commands. Each comes with the serial number of the device that does not get it.
    pub async fn holding(lines: Vec<(String, String)>) -> SocketAddr {
        let mut relay = Self { lines, ..Self::default() };
        serve(move |request, body| relay.answer(request, body)).await
    }

    fn answer(&mut self, request: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let serial = parameter(request, "SN").to_owned();
        let text = String::from_utf8_lossy(body).into_owned();
        if request.contains("options=all") {
            return (200, option_block(&serial));
        }
        if request.contains("/getrequest") {
            let due = self.due(&serial);
            return (200, if due.is_empty() { b"OK".to_vec() } else { due.concat().into_bytes() });
        }
        if request.contains("table=options") {
            return (200, b"OK".to_vec());
        }
        let answered = self.devices.entry(serial.clone()).or_default();
        for line in text.lines() {
            match line.strip_prefix("ID=").and_then(|rest| rest.split_once("&Return=")) {
                Some((id, rest)) if rest.starts_with('0') => {
                    answered.insert(id.parse().unwrap(), true);
                }
                Some(_) => {}
                None => self.lines.extend(as_command(line).map(|command| (serial.clone(), command))),
            }
        }
        (200, b"OK".to_vec())
    }

    /// At most twenty lines, in order; a command that was not answered with 0 is sent again.
    fn due(&self, serial: &str) -> Vec<String> {
        let answered = self.devices.get(serial);
        let open = |at: &usize| !answered.is_some_and(|answered| answered.contains_key(at));
        let lines = self.lines.iter().enumerate().filter(|(at, (from, _))| from != serial && open(at));
        lines.take(20).map(|(at, (_, command))| format!("C:{at}:{command}\n")).collect()
    }
}
