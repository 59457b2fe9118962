//! Integers in guests whose language keeps every number as a double.
//!
//! The contract's integers have 64 bits. QuickJS, which JavaScript mappings run on, is handed them as numbers,
//! and those are exact to 2^53 only. A personnel number that comes out as its neighbour is worse than an error,
//! so what would not survive is refused on the way in and on the way out.

use crate::attributes::{AttributeMap, AttributeValue, Scalar, SubValue};
use crate::error::Fault;
use scimwright_record::{FieldValue, Record};

/// The largest integer that no other is mistaken for: `Number.MAX_SAFE_INTEGER`.
const MAX_SAFE: u64 = (1 << 53) - 1;

/// Which integers arrive in a guest as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Integers {
    /// All of them.
    #[default]
    All,
    /// Those that a double tells from their neighbours.
    UpTo53Bits,
}

impl Integers {
    /// Whether this one arrives, or comes back, as it is.
    pub(crate) fn survives(self, value: i64) -> bool {
        self == Self::All || value.unsigned_abs() <= MAX_SAFE
    }

    /// Finds a field that would arrive as another number.
    pub(crate) fn check_record(self, record: &Record, wanted: impl Fn(&str) -> bool) -> Result<(), Fault> {
        if self == Self::All {
            return Ok(());
        }
        for field in record.fields().iter().filter(|field| wanted(&field.name)) {
            if let FieldValue::Integer(value) = field.value
                && !self.survives(value)
            {
                return Err(Fault::InexactInteger { name: field.name.clone(), value });
            }
        }
        Ok(())
    }

    /// Finds an attribute that would arrive as another number.
    pub(crate) fn check_attributes(self, attributes: &AttributeMap) -> Result<(), Fault> {
        if self == Self::All {
            return Ok(());
        }
        for (path, value) in attributes.iter() {
            let lost = |scalar: &Scalar| match scalar {
                Scalar::Integer(value) if !self.survives(*value) => Some(*value),
                _ => None,
            };
            let of_sub = |value: &SubValue| match value {
                SubValue::One(scalar) => lost(scalar),
                SubValue::Many(scalars) => scalars.iter().find_map(lost),
            };
            let found = match value {
                AttributeValue::One(scalar) => lost(scalar),
                AttributeValue::Many(scalars) => scalars.iter().find_map(lost),
                AttributeValue::Complex(subs) => subs.iter().find_map(|sub| of_sub(&sub.value)),
                AttributeValue::Complexes(items) => items.iter().flatten().find_map(|sub| of_sub(&sub.value)),
                AttributeValue::Json(_) | AttributeValue::Clear => None,
            };
            if let Some(value) = found {
                return Err(Fault::InexactInteger { name: path.to_string(), value });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_integer_that_has_a_double_in_common_with_another_is_refused() {
        for sign in [1, -1] {
            assert!(Integers::UpTo53Bits.survives(sign * ((1 << 53) - 1)));
            assert!(!Integers::UpTo53Bits.survives(sign * (1 << 53)));
            assert!(Integers::All.survives(sign * (1 << 53)));
        }
        assert!(!Integers::UpTo53Bits.survives(i64::MIN));
    }
}
