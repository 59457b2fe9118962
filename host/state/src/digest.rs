//! Whether any link of a scope changed since it was last looked at: one number and one digest.
//!
//! A plan is made against the links as they were. Whoever carries it out later compares the two, and so does not
//! act on what is not so any more.

use crate::error::StateError;
use crate::tenant::{LinkScope, Reading, TenantState};
use futures::TryStreamExt;
use sha2::{Digest, Sha256};

/// What the links of a scope are, all together.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LinksDigest {
    /// How many there are.
    pub count: u64,
    /// SHA-256 over them in the order of their keys, in hexadecimal: key, resource id, ownership, standing, what was
    /// sent and what was seen. When they were written, by which run and what of, is left out.
    pub digest: String,
}

impl TenantState {
    /// Reads all links of a scope at one moment, and what they come to.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn links_digest(&self, scope: &LinkScope) -> Result<LinksDigest, StateError> {
        const SQL: &str = "SELECT key, resource_id, ownership, standing, sent, seen FROM links \
                           WHERE tenant = ?1 AND provider = ?2 AND resource_type = ?3 ORDER BY key";
        let mut connection = self.shared.reader().await;
        let mut rows = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(scope.provider.as_str())
            .bind(scope.resource_type.as_str())
            .fetch(&mut *connection);
        let mut hash = Sha256::new();
        let mut count = 0;
        while let Some(row) = rows.try_next().await.map_err(self.shared.sql("read the links"))? {
            let reading = Reading { shared: &self.shared, what: "a link", row: &row };
            for column in ["key", "resource_id", "ownership", "standing", "sent", "seen"] {
                let value = reading.get::<&str>(column)?;
                // With its length before it, so that no two columns can pass for other two.
                hash.update((value.len() as u64).to_le_bytes());
                hash.update(value);
            }
            count += 1;
        }
        Ok(LinksDigest { count, digest: format!("{:x}", hash.finalize()) })
    }
}

#[cfg(test)]
mod tests {
    use crate::fixture::{Scratch, key, link, moment, scope, scope_of};
    use crate::{Link, RunId, Standing};

    #[tokio::test]
    async fn the_digest_changes_with_what_links_say_and_with_nothing_else() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let digest = async || state.links_digest(&scope()).await.unwrap();
        let empty = digest().await;
        assert_eq!(empty.count, 0);
        for link in [link("b", "2"), link("a", "1")] {
            state.put_link(&scope(), &link).await.unwrap();
        }
        let two = digest().await;
        assert_eq!(two.count, 2);

        // Neither who wrote it when and why, nor another scope.
        let touched = Link {
            run: RunId::generate(),
            updated_at: moment(99),
            fingerprint: None,
            due_at: Some(moment(1)),
            ..link("a", "1")
        };
        state.put_link(&scope(), &touched).await.unwrap();
        state.put_link(&scope_of("acme", "Group"), &link("c", "3")).await.unwrap();
        assert_eq!(digest().await, two);

        let mut seen = vec![empty, two.clone()];
        for changed in [
            Link { standing: Standing::Disabled, ..link("a", "1") },
            Link { resource_id: "12".into(), ..link("a", "1") },
            Link { ownership: crate::Ownership::Adopted, ..link("a", "1") },
            Link { sent: link("other", "1").sent, ..link("a", "1") },
            Link { seen: link("other", "1").seen, ..link("a", "1") },
        ] {
            state.put_link(&scope(), &changed).await.unwrap();
            let now = digest().await;
            assert!(!seen.contains(&now), "{changed:?}");
            seen.push(now);
        }
        state.put_link(&scope(), &touched).await.unwrap();
        assert_eq!(digest().await, two, "as it was before");
        state.forget_link(&scope(), &key("a")).await.unwrap();
        assert!(!seen.contains(&digest().await));
    }
}
