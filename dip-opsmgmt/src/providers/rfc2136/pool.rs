//! Connections to one server: as many as it can bear, and those that are idle are used again.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hickory_proto::op::Message;
use hickory_proto::rr::TSigner;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::wire::{Connection, WireError};

/// BIND takes 150 connections by default (`tcp-clients`), from everybody; more of ours would gain nothing.
const CONNECTIONS: usize = 24;

/// Shorter than servers keep idle connections: Knot closes them after 10 s, BIND after 30 s.
const IDLE: Duration = Duration::from_secs(3);

/// The connections to a server.
pub(super) struct Pool {
    server: String,
    key: TSigner,
    permits: Semaphore,
    idle: Mutex<Vec<(Instant, TcpStream)>>,
}

impl Pool {
    pub(super) fn new(server: String, key: TSigner) -> Self {
        Self { server, key, permits: Semaphore::new(CONNECTIONS), idle: Mutex::default() }
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Asks one question.
    pub(super) async fn ask(&self, message: Message) -> Result<Message, WireError> {
        let mut answers = self.ask_all(vec![message]).await?;
        answers.pop().ok_or_else(|| WireError::Malformed("there is no answer".to_owned()))
    }

    /// Asks many questions over one connection; the answers are in the order of the questions.
    pub(super) async fn ask_all(&self, messages: Vec<Message>) -> Result<Vec<Message>, WireError> {
        let _permit = self.permits.acquire().await;
        // A connection that was idle may have been closed by the server meanwhile; the questions then go over a new one.
        if let Some(stream) = self.idle() {
            let mut connection = Connection::over(stream, &self.server, &self.key);
            match connection.ask_all(messages.clone()).await {
                Err(WireError::Broken { .. }) => {}
                answers => return self.keep(connection, answers),
            }
        }
        let mut connection = Connection::open(&self.server, &self.key).await?;
        let answers = connection.ask_all(messages).await;
        self.keep(connection, answers)
    }

    /// Asks a question that is answered in many messages, up to the last one.
    pub(super) async fn ask_until(
        &self,
        message: Message,
        is_last: impl FnMut(&Message) -> bool + Send,
    ) -> Result<Vec<Message>, WireError> {
        let _permit = self.permits.acquire().await;
        Connection::open(&self.server, &self.key).await?.ask_until(message, is_last).await
    }

    fn idle(&self) -> Option<TcpStream> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(since, _)| since.elapsed() < IDLE);
        idle.pop().map(|(_, stream)| stream)
    }

    fn keep<T>(&self, connection: Connection<'_>, answers: Result<T, WireError>) -> Result<T, WireError> {
        if answers.is_ok() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push((Instant::now(), connection.into_stream()));
        }
        answers
    }
}
