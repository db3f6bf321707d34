//! Proxies between programs: a load balancer before several servers, and a database connection that can be cut.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use simulator::Random;
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

/// A load balancer that forwards each connection to a random server, or to another one if that does not answer.
#[derive(Debug)]
pub struct Balancer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Balancer {
    /// Starts a balancer before these servers.
    pub async fn before(servers: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let task = tokio::spawn(async move {
            let mut random = Random::new(5);
            while let Ok((device, _)) = listener.accept().await {
                let first = random.index(servers.len());
                let order: Vec<SocketAddr> =
                    servers.iter().cycle().skip(first).take(servers.len()).copied().collect();
                tokio::spawn(hand_over(device, order));
            }
        });
        Self { address, task }
    }

    /// The address for devices.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn hand_over(mut device: TcpStream, servers: Vec<SocketAddr>) {
    for server in servers {
        if let Ok(mut server) = TcpStream::connect(server).await {
            // The copy ends when either side closes. A device that is cut off connects again.
            let _ = copy_bidirectional(&mut device, &mut server).await;
            return;
        }
    }
}

/// A proxy to the socket of a database server, which can be cut.
#[derive(Debug)]
pub struct DatabaseProxy {
    server: PathBuf,
    folder: TempDir,
    open: Mutex<Option<JoinHandle<()>>>,
}

impl DatabaseProxy {
    /// Opens the proxy.
    pub fn to(server: &Path) -> Arc<Self> {
        let folder = tempfile::tempdir().expect("a folder for a socket");
        let line = Self { server: server.to_owned(), folder, open: Mutex::new(None) };
        line.mend();
        Arc::new(line)
    }

    /// The socket that the device server uses.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Cuts all connections and refuses new ones; data in transit is lost.
    pub fn cut(&self) {
        if let Some(task) = self.open.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }

    /// Restores the connection.
    pub fn mend(&self) {
        let socket = self.socket();
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).expect("a socket");
        let server = self.server.clone();
        let task = tokio::spawn(async move {
            // All connections end with this task.
            let mut connections = JoinSet::new();
            while let Ok((mut from, _)) = listener.accept().await {
                let server = server.clone();
                connections.spawn(async move {
                    if let Ok(mut to) = UnixStream::connect(server).await {
                        let _ = copy_bidirectional(&mut from, &mut to).await;
                    }
                });
            }
        });
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }
}
