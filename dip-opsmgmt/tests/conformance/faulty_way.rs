//! A way to a real HTTP server on which answers are lost, cut off, late, or replaced by others.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use dip_core::conformance::Failure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What becomes of one request and its answer.
pub(crate) enum Fault {
    /// The server is not asked; this is answered: a status and further headers.
    Instead(&'static str),
    /// The server acts, and its answer never comes.
    Lost,
    /// The answer ends after so many bytes of its body.
    Cut(usize),
    /// The body of the answer is another one.
    Rewritten(fn(&str) -> String),
}

/// The way: faults are for the next requests, one each; after them all goes well.
pub(crate) struct FaultyWay {
    addr: SocketAddr,
    faults: Arc<Mutex<VecDeque<Fault>>>,
    task: JoinHandle<()>,
}

impl Drop for FaultyWay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FaultyWay {
    pub(crate) async fn to(server: SocketAddr) -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let addr = listener.local_addr()?;
        let faults = Arc::new(Mutex::new(VecDeque::new()));
        let queue = Arc::clone(&faults);
        let task = tokio::spawn(async move {
            // One after the other: which request meets which fault is then certain.
            while let Ok((client, _)) = listener.accept().await {
                // A client that goes away is none of our trouble.
                let _ = carry(client, server, &queue).await;
            }
        });
        Ok(Self { addr, faults, task })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Faults for the next requests.
    pub(crate) fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
    }
}

async fn carry(
    mut client: TcpStream,
    server: SocketAddr,
    faults: &Mutex<VecDeque<Fault>>,
) -> Result<(), std::io::Error> {
    let request = message(&mut client).await?;
    if request.is_empty() {
        return Ok(());
    }
    let fault = faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    if let Some(Fault::Instead(answer)) = fault {
        return client
            .write_all(format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes())
            .await;
    }
    let mut upstream = TcpStream::connect(server).await?;
    let request = String::from_utf8_lossy(&request).replacen("\r\n", "\r\nConnection: close\r\n", 1);
    upstream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let body = match &fault {
        Some(Fault::Rewritten(rewrite)) => rewrite(body),
        _ => body.to_owned(),
    };
    let status = head.lines().next().unwrap_or_default();
    let head = format!(
        "{status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    match fault {
        Some(Fault::Lost) => Ok(()),
        Some(Fault::Cut(length)) => {
            client.write_all(head.as_bytes()).await?;
            client.write_all(body.as_bytes().get(..length).unwrap_or(body.as_bytes())).await
        }
        _ => client.write_all(format!("{head}{body}").as_bytes()).await,
    }
}

/// A request with its body, by the length that its head tells.
async fn message(client: &mut TcpStream) -> Result<Vec<u8>, std::io::Error> {
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let read = client.read(&mut piece).await?;
        all.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&all);
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            body.len() >= length.unwrap_or(0_usize)
        });
        if whole || read == 0 {
            return Ok(all);
        }
    }
}
