//! A thin client of OVSDB: one connection, kept between calls, one transaction at a time.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::address::OvsdbAddress;
use super::answer::{AnswerError, Results};
use super::frame::{FrameError, Frames};

const DATABASE: &str = "Open_vSwitch";
/// Longer than the three attempts that TCP makes in its first seconds; a switch that needs more is away.
const CONNECT: Duration = Duration::from_secs(5);
/// Our transactions never wait inside the server, and take it milliseconds; a management CPU may be busy, though.
const EXCHANGE: Duration = Duration::from_secs(10);

/// A client that connects when it is first used.
#[derive(Debug)]
pub(super) struct Client {
    address: OvsdbAddress,
    // Taken out while in use: an exchange that was cancelled leaves none, so nobody reads the answer to another's question.
    idle: Mutex<Option<Connection>>,
}

/// A transaction could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("no connection to {address}")]
    Connect { address: String, source: io::Error },
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    #[error("the server closed the connection")]
    Closed,
    #[error("no answer from {address} within {0:?}", .after)]
    Slow { address: String, after: Duration },
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Answer(#[from] AnswerError),
}

impl ClientError {
    /// Whether a connection that was kept may merely have gone stale: the server restarted, or gave up on an idle client.
    fn is_stale(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Closed)
    }
}

impl Client {
    pub(super) fn new(address: OvsdbAddress) -> Self {
        Self { address, idle: Mutex::new(None) }
    }

    /// Carries out operations as one transaction. It may run twice where a kept connection broke in the middle, so operations
    /// must bear that.
    #[tracing::instrument(name = "call", level = "debug", skip_all, fields(provider = "openvswitch", server = %self.address, action = "transact"))]
    pub(super) async fn transact(&self, operations: &[Value]) -> Result<Results, ClientError> {
        let mut idle = self.idle.lock().await;
        if let Some(connection) = idle.take() {
            match self.exchange(connection, operations).await {
                Ok((connection, results)) => {
                    *idle = Some(connection);
                    return results;
                }
                Err(error) if error.is_stale() => {}
                Err(error) => return Err(error),
            }
        }
        let connection = self.connect().await?;
        let (connection, results) = self.exchange(connection, operations).await?;
        *idle = Some(connection);
        results
    }

    async fn connect(&self) -> Result<Connection, ClientError> {
        let stream: io::Result<Box<dyn Stream>> = match timeout(CONNECT, open(&self.address)).await {
            Ok(stream) => stream,
            Err(_) => return Err(ClientError::Slow { address: self.address.to_string(), after: CONNECT }),
        };
        let stream = stream.map_err(|source| ClientError::Connect { address: self.address.to_string(), source })?;
        Ok(Connection { stream, frames: Frames::default(), last: 0 })
    }

    /// One question and its answer. The connection comes back where it can be used again, also after a refusal.
    async fn exchange(
        &self,
        mut connection: Connection,
        operations: &[Value],
    ) -> Result<(Connection, Result<Results, ClientError>), ClientError> {
        let answer = timeout(EXCHANGE, connection.ask(operations))
            .await
            .map_err(|_| ClientError::Slow { address: self.address.to_string(), after: EXCHANGE })??;
        let results = Results::read(&answer, operations.len()).map_err(ClientError::from);
        Ok((connection, results))
    }
}

async fn open(address: &OvsdbAddress) -> io::Result<Box<dyn Stream>> {
    Ok(match address {
        OvsdbAddress::Tcp { host, port } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            // Each message is one question; waiting to fill a packet would only delay it.
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
        OvsdbAddress::Unix(path) => Box::new(UnixStream::connect(path).await?),
    })
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

struct Connection {
    stream: Box<dyn Stream>,
    frames: Frames,
    last: u64,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("last", &self.last).finish_non_exhaustive()
    }
}

impl Connection {
    async fn ask(&mut self, operations: &[Value]) -> Result<Value, ClientError> {
        self.last += 1;
        let id = json!(self.last);
        let mut params = vec![json!(DATABASE)];
        params.extend_from_slice(operations);
        self.send(&json!({"id": id, "method": "transact", "params": params})).await?;
        loop {
            let message = self.receive().await?;
            if message.get("method").and_then(Value::as_str) == Some("echo") {
                // The server asks whether we still live (section 4.1.11); one that gets no answer hangs up.
                let params = message.get("params").cloned().unwrap_or_else(|| json!([]));
                let id = message.get("id").cloned().unwrap_or(Value::Null);
                self.send(&json!({"id": id, "result": params, "error": null})).await?;
            } else if message.get("method").is_none() && message.get("id") == Some(&id) {
                return Ok(message);
            }
            // Anything else is a notice that we did not ask for.
        }
    }

    async fn send(&mut self, message: &Value) -> Result<(), ClientError> {
        let text = message.to_string();
        self.stream.write_all(text.as_bytes()).await.map_err(ClientError::Broken)?;
        self.stream.flush().await.map_err(ClientError::Broken)
    }

    async fn receive(&mut self) -> Result<Value, ClientError> {
        loop {
            if let Some(message) = self.frames.pop()? {
                return Ok(message);
            }
            let mut bytes = [0; 16 * 1024];
            let read = self.stream.read(&mut bytes).await.map_err(ClientError::Broken)?;
            if read == 0 {
                return Err(ClientError::Closed);
            }
            self.frames.push(bytes.get(..read).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::net::TcpListener;

    /// A server that says `script` to each connection in turn, after the first bytes of a question, and then hangs up.
    async fn server(scripts: Vec<Vec<u8>>) -> (Client, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let heard = tokio::spawn(async move {
            let mut heard = Vec::new();
            for script in scripts {
                let (mut stream, _) = listener.accept().await.expect("a client");
                let mut bytes = vec![0; 4096];
                let read = stream.read(&mut bytes).await.expect("a question");
                stream.write_all(&script).await.expect("it listens");
                stream.shutdown().await.ok();
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await.ok();
                bytes.truncate(read);
                bytes.extend(rest);
                heard.push(String::from_utf8(bytes).expect("JSON is UTF-8"));
            }
            heard
        });
        (Client::new(OvsdbAddress::Tcp { host: "127.0.0.1".to_owned(), port }), heard)
    }

    #[tokio::test]
    async fn an_echo_is_answered_while_we_wait() {
        let script = br#"{"method":"echo","id":"echo","params":["x"]}{"id":1,"error":null,"result":[{"count":1}]}"#;
        let (client, heard) = server(vec![script.to_vec()]).await;
        let results = client.transact(&[json!({"op": "comment"})]).await.expect("an answer");
        assert_eq!(results.count(0), Ok(1));
        drop(client);
        let heard = heard.await.expect("the server ends");
        assert!(heard[0].ends_with(r#"{"error":null,"id":"echo","result":["x"]}"#), "{heard:?}");
    }

    #[tokio::test]
    async fn a_stale_connection_is_opened_anew() {
        let script = br#"{"id":1,"error":null,"result":[{"count":1}]}"#.to_vec();
        let (client, heard) = server(vec![script.clone(), script]).await;
        client.transact(&[json!({})]).await.expect("the first answer");
        client.transact(&[json!({})]).await.expect("an answer on a second connection");
        drop(client);
        assert_eq!(heard.await.expect("the server ends").len(), 2);
    }

    #[tokio::test]
    async fn a_server_that_hangs_up_at_once_is_an_error_and_no_loop() {
        let (client, heard) = server(vec![Vec::new()]).await;
        let error = client.transact(&[json!({})]).await.expect_err("no answer");
        assert!(matches!(error, ClientError::Closed), "{error}");
        heard.await.expect("the server ends");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn random_bytes_as_answer_never_panic(script in prop::collection::vec(any::<u8>(), 0..300)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let (client, heard) = server(vec![script]).await;
                client.transact(&[json!({})]).await.expect_err("noise is no answer");
                drop(client);
                heard.await.expect("the server ends");
            });
        }
    }
}
