//! Digests of what decides about records: rows, members, modules, configuration.
//!
//! Each part goes in with its length before it, so that no two lists of parts are one and the same text.

use scimwright_record::Record;
use sha2::{Digest, Sha256};

/// SHA-256 over parts, in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts(Sha256);

impl Parts {
    /// Takes one more part in.
    pub(crate) fn take(&mut self, part: impl AsRef<[u8]>) {
        let part = part.as_ref();
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    /// Takes in what a record says: its fields, without its key.
    pub(crate) fn take_fields(&mut self, record: &Record) {
        for field in record.fields() {
            self.take(&field.name);
            // Values of a field are plain data, which JSON can always say.
            self.take(serde_json::to_vec(&field.value).unwrap_or_default());
        }
    }

    /// The 32 bytes.
    pub(crate) fn bytes(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// The digest in hexadecimal digits.
    pub(crate) fn hex(self) -> String {
        format!("{:x}", self.0.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_make_one_text_have_digests_of_their_own() {
        let of = |parts: &[&str]| {
            let mut digest = Parts::default();
            parts.iter().for_each(|part| digest.take(part));
            digest.hex()
        };
        assert_eq!(of(&["ab", "c"]), of(&["ab", "c"]));
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["ab"]), of(&["ab", ""]));
    }
}
