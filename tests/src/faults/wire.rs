//! HTTP/1.1 messages as bytes (RFC 9112): as much as a proxy between two well-behaved programs needs.

use super::RetryAfter;
use anyhow::{Context, bail, ensure};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long either side may be silent.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Where a message's body ends (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    None,
    Length(usize),
    Chunked,
    UntilClosed,
}

/// A message: request or answer.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// The request line or the status line.
    pub(super) start: String,
    pub(super) headers: Vec<(String, String)>,
    /// The body as it came, chunks and all.
    raw: Vec<u8>,
    framing: Framing,
}

impl Message {
    pub(super) fn refusal(status: u16, retry_after: &RetryAfter) -> Self {
        let body = format!(
            r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"{status}","detail":"refused by the proxy of the test"}}"#
        );
        let mut headers = vec![
            ("Content-Type".to_owned(), "application/scim+json".to_owned()),
            ("Content-Length".to_owned(), body.len().to_string()),
        ];
        match retry_after {
            RetryAfter::Absent => {}
            RetryAfter::Seconds(seconds) => headers.push(("Retry-After".to_owned(), seconds.to_string())),
            RetryAfter::XSeconds(seconds) => headers.push(("X-Retry-After".to_owned(), seconds.to_string())),
            RetryAfter::Date(seconds) => headers.push(("Retry-After".to_owned(), http_date(*seconds))),
        }
        if status == 401 {
            // RFC 9110 section 15.5.2: a 401 names a scheme.
            headers.push(("WWW-Authenticate".to_owned(), "Bearer error=\"invalid_token\"".to_owned()));
        }
        let (raw, framing) = (body.into_bytes(), Framing::None);
        Self { start: format!("HTTP/1.1 {status} Refused"), headers, raw, framing }
    }

    /// The status of an answer.
    pub(super) fn status(&self) -> Option<u16> {
        self.start.split(' ').nth(1)?.parse().ok()
    }

    /// The body without its framing.
    pub(super) fn body(&self) -> Vec<u8> {
        if self.framing != Framing::Chunked {
            return self.raw.clone();
        }
        let mut body = Vec::with_capacity(self.raw.len());
        let mut rest = self.raw.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let size = std::str::from_utf8(&rest[..end]).ok().and_then(chunk_size).unwrap_or(0);
            rest = &rest[end + 1..];
            if size == 0 || rest.len() < size + 2 {
                break;
            }
            body.extend_from_slice(&rest[..size]);
            rest = &rest[size + 2..];
        }
        body
    }

    fn header(&self, name: &str) -> Option<&str> {
        let same = |(held, _): &&(String, String)| held.eq_ignore_ascii_case(name);
        self.headers.iter().find(same).map(|(_, value)| value.as_str())
    }

    fn head(&self) -> Vec<u8> {
        let mut head = format!("{}\r\n", self.start).into_bytes();
        for (name, value) in &self.headers {
            head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    /// Sends the whole message at once: a client that reads the end of it may ask the next thing.
    pub(super) fn send(&self, mut to: &TcpStream) -> anyhow::Result<()> {
        let mut bytes = self.head();
        bytes.extend_from_slice(&self.raw);
        Ok(to.write_all(&bytes)?)
    }

    /// Sends the head and half of the body; of a message without body, half of the head.
    pub(super) fn send_half(&self, mut to: &TcpStream) -> anyhow::Result<()> {
        let mut bytes = self.head();
        if self.raw.is_empty() {
            bytes.truncate(bytes.len() / 2);
        } else {
            bytes.extend_from_slice(&self.raw[..self.raw.len() / 2]);
        }
        Ok(to.write_all(&bytes)?)
    }

    /// What is said about this connection says nothing about the next (RFC 9110 section 7.6.1).
    fn without_connection_headers(mut self) -> Self {
        let hop = ["connection", "keep-alive", "proxy-connection"];
        self.headers.retain(|(name, _)| !hop.iter().any(|other| name.eq_ignore_ascii_case(other)));
        self
    }
}

/// Reads messages from one connection.
pub(super) struct Reader<'a> {
    stream: BufReader<&'a TcpStream>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(stream: &'a TcpStream) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    /// The next request, or `None` when the client has ended the connection.
    pub(super) fn request(&mut self) -> anyhow::Result<Option<Message>> {
        let Some(mut message) = self.head()? else { return Ok(None) };
        message.framing = framing(&message)?.unwrap_or(Framing::None);
        self.read_body(&mut message)?;
        Ok(Some(message))
    }

    /// The answer to a request that was just sent.
    fn answer(&mut self, head_only: bool) -> anyhow::Result<Message> {
        loop {
            let mut message = self.head()?.context("the server closed the connection without an answer")?;
            let status = message.status().context("an answer without a status")?;
            // RFC 9110 section 15.2: interim answers come before the real one.
            if (100..200).contains(&status) {
                continue;
            }
            let bodiless = head_only || matches!(status, 204 | 304);
            message.framing = match framing(&message)? {
                _ if bodiless => Framing::None,
                Some(framing) => framing,
                None => Framing::UntilClosed,
            };
            self.read_body(&mut message)?;
            return Ok(message);
        }
    }

    fn head(&mut self) -> anyhow::Result<Option<Message>> {
        let start = self.line()?;
        if start.is_empty() {
            return Ok(None);
        }
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let line = line.trim_end();
            if line.is_empty() {
                let (raw, framing) = (Vec::new(), Framing::None);
                return Ok(Some(Message { start: start.trim_end().to_owned(), headers, raw, framing }));
            }
            let (name, value) = line.split_once(':').with_context(|| format!("not a header: {line}"))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// A line with its end; empty at the end of the connection.
    fn line(&mut self) -> anyhow::Result<String> {
        let mut bytes = Vec::new();
        self.stream.read_until(b'\n', &mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn read_body(&mut self, message: &mut Message) -> anyhow::Result<()> {
        match message.framing {
            Framing::None => {}
            Framing::Length(length) => {
                message.raw.resize(length, 0);
                self.stream.read_exact(&mut message.raw)?;
            }
            Framing::UntilClosed => {
                self.stream.read_to_end(&mut message.raw)?;
            }
            Framing::Chunked => loop {
                let line = self.line()?;
                let size = chunk_size(&line).with_context(|| format!("not a chunk size: {line:?}"))?;
                message.raw.extend_from_slice(line.as_bytes());
                if size == 0 {
                    // Trailer fields, then an empty line.
                    loop {
                        let line = self.line()?;
                        message.raw.extend_from_slice(line.as_bytes());
                        if line.trim_end().is_empty() {
                            return Ok(());
                        }
                    }
                }
                let begin = message.raw.len();
                message.raw.resize(begin + size + 2, 0);
                self.stream.read_exact(&mut message.raw[begin..])?;
            },
        }
        Ok(())
    }
}

/// How a message says where its body ends; `None` when it does not say.
fn framing(message: &Message) -> anyhow::Result<Option<Framing>> {
    if let Some(coding) = message.header("transfer-encoding") {
        ensure!(coding.eq_ignore_ascii_case("chunked"), "transfer coding {coding} is not known");
        return Ok(Some(Framing::Chunked));
    }
    match message.header("content-length").map(str::parse) {
        Some(Ok(length)) => Ok(Some(Framing::Length(length))),
        Some(Err(_)) => bail!("a Content-Length that is no number"),
        None => Ok(None),
    }
}

fn chunk_size(line: &str) -> Option<usize> {
    usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()
}

/// Asks the server, on a connection of its own. Says whether the client's connection may go on afterwards: not
/// when only the end of the connection ends the answer.
pub(super) fn forward(upstream: &str, request: &Message) -> anyhow::Result<(Message, bool)> {
    let head_only = request.start.starts_with("HEAD ");
    let stream = TcpStream::connect(upstream).with_context(|| format!("{upstream} does not answer"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut request = request.clone().without_connection_headers();
    request.headers.push(("Connection".to_owned(), "close".to_owned()));
    request.send(&stream)?;
    let answer = Reader::new(&stream).answer(head_only)?;
    let again = answer.framing != Framing::UntilClosed;
    let mut answer = answer.without_connection_headers();
    // A server of HTTP/1.0 would make the client end the connection, or wonder about it.
    if let Some(rest) = answer.start.strip_prefix("HTTP/1.0 ") {
        answer.start = format!("HTTP/1.1 {rest}");
    }
    if !again {
        answer.headers.push(("Connection".to_owned(), "close".to_owned()));
    }
    Ok((answer, again))
}

/// Makes the end of this connection a reset: with no time to linger, what is unsent is thrown away.
pub(super) fn reset(stream: &TcpStream) -> anyhow::Result<()> {
    Ok(rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO))?)
}

/// RFC 9110 section 5.6.7, so many seconds from now, rounded up.
fn http_date(seconds: u64) -> String {
    let then = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(0));
    let rounded = if then.subsec_nanosecond() > 0 { then.as_second() + 1 } else { then.as_second() };
    let then = jiff::Timestamp::from_second(rounded).unwrap_or(then);
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&then).unwrap_or_default()
}
