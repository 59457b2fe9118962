//! Input that is nearly right: JSON with one part changed, text with one piece moved.
//!
//! Bytes turned at random are seldom JSON, and so test its parser rather than ours. Everything here follows from
//! a number, so that a failure can be had again.

#![allow(unreachable_pub, reason = "the fuzzer includes this file and uses it from other crates")]

use serde_json::{Map, Value, json};

/// Words that mean something somewhere: names, operators, values.
const WORDS: &[&str] = &[
    "userName",
    "USERNAME",
    "emails",
    "name",
    "givenName",
    "members",
    "value",
    "type",
    "primary",
    "$ref",
    "display",
    "schemas",
    "id",
    "meta",
    "groups",
    "displayName",
    "active",
    "password",
    "x509Certificates",
    "manager",
    "op",
    "path",
    "Operations",
    "Resources",
    "totalResults",
    "status",
    "method",
    "bulkId",
    "data",
    "response",
    "attributes",
    "subAttributes",
    "filter",
    "add",
    "remove",
    "replace",
    "Replace",
    "work",
    "home",
    "1",
    "g",
    "9",
    "a@example.com",
    "bulkId:a",
    "bulkId:u",
    "POST",
    "DELETE",
    "200",
    "404",
    "W/\"1\"",
    "eq",
    "ne",
    "pr",
    "and",
    "or",
    "not",
    "(",
    ")",
    "[",
    "]",
    ".",
    ":",
    "\"",
    "\\",
    " ",
    "true",
    "null",
    "1.5",
    "é",
    "ß",
    "emails[type eq \"work\"]",
    "emails[type eq \"work\"].value",
    "members[value eq \"1\"]",
    "emails[primary eq true].primary",
    "name.givenName",
    "urn:ietf:params:scim:schemas:core:2.0:User",
    "urn:ietf:params:scim:schemas:core:2.0:User:userName",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
    "userName eq \"a\" and not (title pr)",
    "2024-03-01T10:00:00Z",
    "AAAA",
];

/// A source of numbers that is good enough to pick with (xorshift64*).
pub struct Dice(u64);

impl Dice {
    /// The numbers that follow from this one.
    pub fn new(seed: u64) -> Self {
        // Neighbouring seeds are to give different numbers, and zero must not stay zero.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below the bound; zero where there is none.
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        number as usize % bound.max(1)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }

    fn word(&mut self) -> &'static str {
        self.pick(WORDS).copied().unwrap_or_default()
    }
}

/// The text with one piece taken out, put in, doubled or moved.
pub fn text(text: &str, dice: &mut Dice) -> String {
    let borders: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let cut = |dice: &mut Dice| dice.pick(&borders).copied().unwrap_or_default();
    let (one, other) = (cut(dice), cut(dice));
    let (start, end) = (one.min(other), one.max(other));
    let (before, piece, after) = (&text[..start], &text[start..end], &text[end..]);
    match dice.below(7) {
        0 => format!("{before}{after}"),
        1 => format!("{before}{piece}{piece}{after}"),
        2 => format!("{after}{piece}{before}"),
        3 => format!("{before}{}{piece}{after}", dice.word()),
        4 => format!("{before} {} {after}", dice.word()),
        5 => format!("{before}{}{after}", piece.to_uppercase()),
        _ => dice.word().to_owned(),
    }
}

/// The value with one part of it changed.
pub fn json(value: &Value, dice: &mut Dice) -> Value {
    let mut changed = value.clone();
    let donor = dice.below(count(value));
    let donor = nth(value, &mut donor.clone()).cloned().unwrap_or_default();
    let mut target = dice.below(count(value));
    if let Some(place) = nth_mut(&mut changed, &mut target) {
        change(place, donor, dice);
    }
    changed
}

fn change(place: &mut Value, donor: Value, dice: &mut Dice) {
    let words = |dice: &mut Dice| json!(dice.word());
    match (dice.below(10), &mut *place) {
        (0, _) => *place = donor,
        (1, _) => {
            let constants =
                [json!(null), json!(true), json!(0), json!(-1), json!(1.5), json!([]), json!({}), json!("")];
            *place = dice.pick(&constants).cloned().unwrap_or_default();
        }
        (2, _) => *place = json!([place.take()]),
        (3, Value::Array(items)) => {
            items.insert(dice.below(items.len() + 1), donor);
        }
        (4, Value::Array(items)) if !items.is_empty() => {
            items.remove(dice.below(items.len()));
        }
        (5, Value::Array(items)) if !items.is_empty() => {
            let again = dice.pick(items).cloned().unwrap_or_default();
            items.push(again);
        }
        (3 | 4, Value::Object(members)) => {
            members.insert(dice.word().to_owned(), donor);
        }
        (5 | 6, Value::Object(members)) => {
            let keys: Vec<String> = members.keys().cloned().collect();
            if let Some(key) = dice.pick(&keys) {
                members.shift_remove(key);
            }
        }
        (7, Value::Object(members)) => *members = turned(members),
        (3..=6, Value::String(string)) => *string = text(string, dice),
        _ => *place = words(dice),
    }
}

/// The same members, one in two with its name in capitals.
fn turned(members: &Map<String, Value>) -> Map<String, Value> {
    let turn = |(index, (key, value)): (usize, (&String, &Value))| match index % 2 {
        0 => (key.to_uppercase(), value.clone()),
        _ => (key.clone(), value.clone()),
    };
    members.iter().enumerate().map(turn).collect()
}

/// How many values there are, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

fn nth<'v>(value: &'v Value, left: &mut usize) -> Option<&'v Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter().find_map(|item| nth(item, left)),
        Value::Object(members) => members.values().find_map(|member| nth(member, left)),
        _ => None,
    }
}

fn nth_mut<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth_mut(item, left)),
        Value::Object(members) => members.values_mut().find_map(|member| nth_mut(member, left)),
        _ => None,
    }
}
