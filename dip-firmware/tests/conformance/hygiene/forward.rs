//! Hands a request on to a model and its answer back, so that something else can stand before it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::http::{Answer, Request};

/// The headers that clients of models look at.
const HEADERS: [&str; 4] = ["X-Auth-Token", "Location", "ETag", "Retry-After"];

/// What a model answers, and with which status; `None` where it closes the connection.
pub(super) fn forward(model: SocketAddr, request: &Request) -> Option<(u16, Answer)> {
    let told = tokio::task::block_in_place(|| exchange(model, request)).ok()?;
    let (head, body) = told.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    let told = |name: &'static str| {
        let line =
            head.lines().find_map(|line| line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case(name)))?;
        Some((name, line.1.trim().to_owned()))
    };
    let answer = Answer::text(body.to_owned()).with_status(status);
    let answer = HEADERS.into_iter().filter_map(told).fold(answer, |answer, (name, value)| answer.with(name, value));
    Some((status, answer))
}

/// The model closes the connection after its answer.
fn exchange(model: SocketAddr, request: &Request) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(model)?;
    let headers: String = request.headers.iter().map(|(key, value)| format!("{key}: {value}\r\n")).collect();
    write!(stream, "{} HTTP/1.1\r\n{headers}\r\n{}", request.line(), request.body)?;
    let mut told = String::new();
    stream.read_to_string(&mut told)?;
    Ok(told)
}
