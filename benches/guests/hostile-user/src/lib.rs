//! A mapping that means harm. What it does is chosen by its setting `attack`, so that one module is enough for
//! every row of the table.
//!
//! Only the benchmark loads it: it shows what a tenant's worst module costs the others.

use scimwright_guest::prelude::*;
use std::hint::black_box;

/// The mapping.
#[derive(Debug)]
pub struct Hostile;

scimwright_guest::export!(Hostile: mapper);

/// A name, and what it does.
type Attack = (&'static str, fn(&Record) -> Outcome);

/// What it can do, by the value of `attack`.
const ATTACKS: [Attack; 9] = [
    ("endless-loop", |_| endless_loop()),
    ("memory", |_| memory()),
    ("stack", |_| recursion(1).into_outcome()),
    ("giant-text", |_| giant_text()),
    ("giant-list", |_| giant_list()),
    ("log-flood", |_| log_flood()),
    ("lookup-flood", |_| lookup_flood()),
    ("crash", |record| crash(record)),
    ("undeclared", |_| undeclared()),
];

impl Describe for Hostile {
    fn describe() -> Manifest {
        Manifest::new("hostile-user", env!("CARGO_PKG_VERSION"))
            .description("Uses more than it may.")
            .reads(["email"])
            .writes(["userName", "displayName", "emails"])
            .setting(Setting::required("attack", "What it does: endless-loop, memory, stack and others."))
    }
}

impl MapAttributes for Hostile {
    fn map(ctx: &Context, record: &Record) -> Result<Outcome, MappingError> {
        let wanted = ctx.setting("attack").unwrap_or_default();
        match ATTACKS.iter().find(|(name, _)| *name == wanted) {
            Some((_, attack)) => Ok(attack(record)),
            None => Err(MappingError::Other(format!("there is no attack `{wanted}`"))),
        }
    }
}

fn endless_loop() -> Outcome {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn memory() -> Outcome {
    let mut held: Vec<Vec<u8>> = Vec::new();
    loop {
        held.push(vec![1; 1 << 16]);
        black_box(&held);
    }
}

/// Too deep for any stack; each call has work left, so that it cannot become a loop.
#[expect(unconditional_recursion, reason = "it is what the stack limit is for")]
fn recursion(depth: u64) -> Depth {
    let Depth(below) = recursion(black_box(depth + 1));
    Depth(black_box(below) + depth)
}

struct Depth(u64);

impl Depth {
    fn into_outcome(self) -> Outcome {
        Outcome::skip(self.0.to_string())
    }
}

fn giant_text() -> Outcome {
    let mut map = AttributeMap::new();
    map.set("displayName", "x".repeat(8 << 20));
    map.into()
}

fn giant_list() -> Outcome {
    let mut map = AttributeMap::new();
    for number in 0..20_000 {
        map.add("emails").set("value", format!("{number}@example.com"));
    }
    map.into()
}

fn log_flood() -> Outcome {
    loop {
        log::info!("a message that nobody wants to read");
    }
}

fn lookup_flood() -> Outcome {
    loop {
        let _ = black_box(lookup::lookup("salaries", "E1", &["amount"]));
    }
}

fn crash(record: &Record) -> Outcome {
    let text = record.key().to_owned();
    // The key is not that long.
    Outcome::skip(text[1 << 20..].to_owned())
}

fn undeclared() -> Outcome {
    let mut map = AttributeMap::new();
    map.set("roles", "administrator");
    map.into()
}
