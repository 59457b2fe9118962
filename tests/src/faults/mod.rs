//! A proxy that loses, cuts, delays and refuses, so that a test decides what goes wrong, and when.
//!
//! It speaks HTTP/1.1 on loopback, between a client and one server. A [`Script`] decides about every request;
//! every request is noted as an [`Exchange`]. `Host` goes through as it came, so whatever URLs the server makes
//! from it lead back to the proxy.
//!
//! ```no_run
//! use scimwright_tests::faults::{Fault, Proxy, RetryAfter, Rule, Script};
//!
//! let script = Script::new(7)
//!     .rule(Rule::then(Fault::LoseReply).method("POST").below("/Users").nth(3))
//!     .rule(Rule::then(Fault::Answer { status: 429, retry_after: RetryAfter::Seconds(1) }).per_mille(20));
//! let proxy = Proxy::start("http://127.0.0.1:8080/v2", script)?;
//! // … a client works with `proxy.base_url()` …
//! assert_eq!(proxy.with_fault(|fault| *fault == Fault::LoseReply), 1);
//! # Ok::<(), anyhow::Error>(())
//! ```

mod script;
mod wire;

pub use script::{Fault, Request, RetryAfter, Rule, Script};

use anyhow::{Context, ensure};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A request that came to the proxy, and what became of it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// What was asked.
    pub request: Request,
    /// What the script decided.
    pub fault: Fault,
    /// The status the server answered with, whether or not the client got to see it; `None` when the server
    /// was never asked.
    pub server_status: Option<u16>,
    /// The status the client got, if it got one.
    pub client_status: Option<u16>,
    /// When the request was complete.
    pub at: Instant,
}

/// A running proxy; it takes no more connections once it is dropped.
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    base_url: String,
}

struct Shared {
    upstream: String,
    script: Mutex<Script>,
    exchanges: Mutex<Vec<Exchange>>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    stopped: AtomicBool,
}

impl Proxy {
    /// Starts one in front of a server. `upstream` is the base URL that the client would be given without the
    /// proxy; `http` only.
    ///
    /// # Errors
    /// When the URL is not an `http` one with a port, or loopback has no port left.
    pub fn start(upstream: &str, script: Script) -> anyhow::Result<Self> {
        let rest = upstream.strip_prefix("http://").with_context(|| format!("{upstream} is not http"))?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        ensure!(authority.contains(':'), "{upstream} has no port");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream: authority.to_owned(),
            script: Mutex::new(script),
            exchanges: Mutex::default(),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.stopped.load(Ordering::Acquire) {
                    return;
                }
                let Ok(client) = client else { continue };
                let serving = Arc::clone(&accepting);
                // A connection that breaks is what this is for; there is nobody to tell.
                std::thread::spawn(move || serving.serve(&client).ok());
            }
        });
        Ok(Self { shared, address, base_url: format!("http://{address}/{path}") })
    }

    /// What to give the client in place of the server's base URL.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The server's other URLs (a token endpoint, for instance) as they are through the proxy.
    #[must_use]
    pub fn through(&self, url: &str) -> String {
        url.replacen(&self.shared.upstream, &self.address.to_string(), 1)
    }

    /// Decides differently from now on.
    pub fn play(&self, script: Script) {
        *lock(&self.shared.script) = script;
    }

    /// Everything that came so far, in the order in which it was settled.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        lock(&self.shared.exchanges).clone()
    }

    /// Forgets what came so far.
    pub fn forget(&self) {
        lock(&self.shared.exchanges).clear();
        self.shared.most_under_way.store(0, Ordering::Release);
    }

    /// How many requests of a method came.
    #[must_use]
    pub fn requests(&self, method: &str) -> usize {
        self.exchanges().iter().filter(|exchange| exchange.request.method == method).count()
    }

    /// How many requests the client saw answered with a status.
    #[must_use]
    pub fn answered_with(&self, status: u16) -> usize {
        self.exchanges().iter().filter(|exchange| exchange.client_status == Some(status)).count()
    }

    /// How many requests met a fault.
    #[must_use]
    pub fn with_fault(&self, is_it: impl Fn(&Fault) -> bool) -> usize {
        self.exchanges().iter().filter(|exchange| is_it(&exchange.fault)).count()
    }

    /// The largest number of requests that were under way at once: complete, and not yet settled.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.shared.most_under_way.load(Ordering::Acquire)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

/// What the client gets to see.
enum Reply {
    /// A whole answer, after which the connection can be used again, or not.
    Whole { answer: wire::Message, again: bool },
    /// The status line and half of a body.
    Half(wire::Message),
    /// Nothing: the connection ends.
    Closed,
    /// Nothing: the connection is reset.
    Reset,
}

impl Reply {
    fn status(&self) -> Option<u16> {
        match self {
            Self::Whole { answer, .. } | Self::Half(answer) => answer.status(),
            Self::Closed | Self::Reset => None,
        }
    }

    /// Says whether the connection goes on. It ends when the last owner of the stream drops it.
    fn send(&self, client: &TcpStream) -> anyhow::Result<bool> {
        match self {
            Self::Whole { answer, again } => answer.send(client).map(|()| *again),
            Self::Half(answer) => answer.send_half(client).map(|()| false),
            Self::Closed => Ok(false),
            Self::Reset => wire::reset(client).map(|()| false),
        }
    }
}

impl Shared {
    /// Serves one connection until either side ends it.
    fn serve(&self, client: &TcpStream) -> anyhow::Result<()> {
        client.set_nodelay(true)?;
        client.set_read_timeout(Some(wire::PATIENCE))?;
        let mut reader = wire::Reader::new(client);
        while let Some(message) = reader.request()? {
            let at = Instant::now();
            let now = self.under_way.fetch_add(1, Ordering::AcqRel) + 1;
            self.most_under_way.fetch_max(now, Ordering::AcqRel);
            let request = Request::read(&message);
            let fault = lock(&self.script).decide(&request);
            let mut server_status = None;
            // A server that is gone looks to the client like a connection that ends.
            let reply = self.reply(&message, &fault, &mut server_status).unwrap_or(Reply::Closed);
            let client_status = reply.status();
            // Noted before it is sent: who has the answer finds the note.
            lock(&self.exchanges).push(Exchange { request, fault, server_status, client_status, at });
            self.under_way.fetch_sub(1, Ordering::AcqRel);
            if !reply.send(client)? {
                break;
            }
        }
        Ok(())
    }

    fn reply(
        &self,
        message: &wire::Message,
        fault: &Fault,
        server_status: &mut Option<u16>,
    ) -> anyhow::Result<Reply> {
        match fault {
            Fault::ResetBefore => return Ok(Reply::Reset),
            Fault::Answer { status, retry_after } => {
                let answer = wire::Message::refusal(*status, retry_after);
                return Ok(Reply::Whole { answer, again: true });
            }
            Fault::Delay(time) => std::thread::sleep(*time),
            Fault::Pass | Fault::LoseReply | Fault::ResetReply | Fault::Truncate => {}
        }
        let (answer, again) = wire::forward(&self.upstream, message)?;
        *server_status = answer.status();
        Ok(match fault {
            Fault::LoseReply => Reply::Closed,
            Fault::ResetReply => Reply::Reset,
            Fault::Truncate => Reply::Half(answer),
            _ => Reply::Whole { answer, again },
        })
    }
}

/// A thread that fails while it holds a lock has noted nothing wrong; what it guarded is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
