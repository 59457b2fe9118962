//! JSON that keeps the order people gave it, so that an update changes only the lines that change.

use serde_json::{Map, Value};

/// `new`, with the names that `old` has in `old`'s order and the others after them.
pub(crate) fn keeping(old: &Value, new: &Value) -> Value {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let mut merged = Map::new();
            for (name, value) in old {
                if let Some(now) = new.get(name) {
                    merged.insert(name.clone(), keeping(value, now));
                }
            }
            for (name, value) in new {
                merged.entry(name.clone()).or_insert_with(|| value.clone());
            }
            Value::Object(merged)
        }
        (Value::Array(old), Value::Array(new)) => {
            let item = |(at, value): (usize, &Value)| keeping(old.get(at).unwrap_or(&Value::Null), value);
            new.iter().enumerate().map(item).collect()
        }
        (_, new) => new.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_stay_where_they_were_and_new_ones_come_last() {
        let old = json!({ "b": 1, "a": { "y": 1, "x": 1 }, "gone": 1, "l": [{ "q": 1, "p": 1 }] });
        let new = json!({ "n": 1, "l": [{ "p": 2, "q": 2 }, { "p": 3 }], "a": { "x": 2, "y": 2 }, "b": 2 });
        let kept = keeping(&old, &new);
        assert_eq!(kept.to_string(), r#"{"b":2,"a":{"y":2,"x":2},"l":[{"q":2,"p":2},{"p":3}],"n":1}"#);
        assert_eq!(kept, new);
    }
}
