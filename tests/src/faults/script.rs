//! What happens to which request.

use super::wire::Message;
use crate::dice::Dice;
use std::fmt;
use std::time::Duration;

/// What the proxy does with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it passes.
    Pass,
    /// The server does the work, and its answer is never seen: the connection is closed (FIN).
    LoseReply,
    /// The same, and the connection is reset (RST).
    ResetReply,
    /// The server does the work, and half of the answer's body comes; then the connection is closed. An answer
    /// without a body loses half of its head.
    Truncate,
    /// The connection is reset; the server never hears of the request.
    ResetBefore,
    /// The request passes after a while.
    Delay(Duration),
    /// The proxy answers by itself; the server never hears of the request.
    Answer {
        /// The status: 401, 429, 503 or any other.
        status: u16,
        /// When the client may come back.
        retry_after: RetryAfter,
    },
}

impl Fault {
    /// An answer of the proxy's own that says nothing about when to come back.
    #[must_use]
    pub fn answer(status: u16) -> Self {
        Self::Answer { status, retry_after: RetryAfter::Absent }
    }
}

/// How a refusal says when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// Not at all.
    Absent,
    /// `Retry-After: 2` (RFC 9110 section 10.2.3).
    Seconds(u64),
    /// `Retry-After: Fri, 31 Dec 1999 23:59:59 GMT`: so many seconds from now, rounded up to a full one, since
    /// the form has no fractions.
    Date(u64),
    /// `X-Retry-After: 2`, as some providers have it.
    XSeconds(u64),
}

/// What a rule gets to see of a request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query, as they came.
    pub target: String,
    /// The body, empty when there was none.
    pub body: String,
    headers: Vec<(String, String)>,
}

impl Request {
    pub(super) fn read(message: &Message) -> Self {
        let mut words = message.start.split(' ');
        Self {
            method: words.next().unwrap_or_default().to_owned(),
            target: words.next().unwrap_or_default().to_owned(),
            body: String::from_utf8_lossy(&message.body()).into_owned(),
            headers: message.headers.clone(),
        }
    }

    /// The path without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A header's value; names compare without case (RFC 9110 section 5.1).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let same = |(held, _): &&(String, String)| held.eq_ignore_ascii_case(name);
        self.headers.iter().find(same).map(|(_, value)| value.as_str())
    }
}

/// Which of the requests that fit a rule it takes.
#[derive(Debug, Clone, Copy)]
enum Which {
    All,
    Nth(usize),
    First(usize),
    Every(usize),
    PerMille(u16),
}

/// A fault, and the requests that meet it.
#[derive(Debug, Clone)]
pub struct Rule {
    fault: Fault,
    method: Option<String>,
    below: Option<String>,
    which: Which,
    fitting: usize,
}

impl Rule {
    /// A rule that every request meets, until it is narrowed.
    #[must_use]
    pub fn then(fault: Fault) -> Self {
        Self { fault, method: None, below: None, which: Which::All, fitting: 0 }
    }

    /// Requests of this method only.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Requests only whose path has this part: `/Users` fits `/v2/Users` and `/v2/Users/2819c`.
    #[must_use]
    pub fn below(mut self, part: &str) -> Self {
        self.below = Some(part.to_owned());
        self
    }

    /// Of those that fit, the one with this number; the first is 1.
    #[must_use]
    pub fn nth(mut self, number: usize) -> Self {
        self.which = Which::Nth(number);
        self
    }

    /// Of those that fit, the first so many.
    #[must_use]
    pub fn first(mut self, number: usize) -> Self {
        self.which = Which::First(number);
        self
    }

    /// Of those that fit, every so-manyth.
    #[must_use]
    pub fn every(mut self, number: usize) -> Self {
        self.which = Which::Every(number);
        self
    }

    /// Of those that fit, so many in a thousand, by the script's seed.
    #[must_use]
    pub fn per_mille(mut self, chance: u16) -> Self {
        self.which = Which::PerMille(chance);
        self
    }

    fn takes(&mut self, request: &Request, dice: &mut Dice) -> bool {
        let fits = self.method.as_ref().is_none_or(|method| *method == request.method)
            && self.below.as_ref().is_none_or(|part| request.path().contains(part.as_str()));
        if !fits {
            return false;
        }
        self.fitting += 1;
        match self.which {
            Which::All => true,
            Which::Nth(number) => self.fitting == number,
            Which::First(number) => self.fitting <= number,
            Which::Every(number) => self.fitting.is_multiple_of(number),
            Which::PerMille(chance) => dice.per_mille(chance),
        }
    }
}

type Decide = Box<dyn FnMut(&Request) -> Fault + Send>;

/// Decides about every request: the first rule that takes it, or the function; otherwise it passes.
pub struct Script {
    rules: Vec<Rule>,
    function: Option<Decide>,
    dice: Dice,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Script {
    /// A script without rules, in which everything passes. Chance comes from the seed; which requests it hits
    /// also depends on the order in which they come.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { rules: Vec::new(), function: None, dice: Dice::new(seed) }
    }

    /// A script that passes everything.
    #[must_use]
    pub fn pass() -> Self {
        Self::new(0)
    }

    /// A script that is a function; it is called once for every request, in the order in which they come.
    #[must_use]
    pub fn from_fn(function: impl FnMut(&Request) -> Fault + Send + 'static) -> Self {
        Self { function: Some(Box::new(function)), ..Self::pass() }
    }

    /// The script with one more rule. Earlier rules come first; every rule counts all requests that fit it.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    pub(super) fn decide(&mut self, request: &Request) -> Fault {
        let mut decided = None;
        // Every rule sees every request, so that "the third POST" means the third.
        for rule in &mut self.rules {
            if rule.takes(request, &mut self.dice) && decided.is_none() {
                decided = Some(rule.fault.clone());
            }
        }
        decided.or_else(|| self.function.as_mut().map(|decide| decide(request))).unwrap_or(Fault::Pass)
    }
}
