//! What is remembered of a provider as a whole: the address our links point at, and whether it is left alone.
//!
//! A provider that fails for everybody is not asked again for a while, by later runs neither. The same row counts
//! the failures that have not come to that yet.

use crate::error::StateError;
use crate::tenant::{Reading, TenantState, to_millis};
use jiff::Timestamp;
use scimwright_record::ProviderName;
use sqlx::SqliteConnection;

/// How often a provider failed, and until when it is left alone.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ProviderQuarantine {
    /// A digest of the way to it that was tried: its address and how we authenticate there. Never a secret.
    pub access: String,
    /// How many times it failed, one after the other.
    pub failures: u32,
    /// How it did last.
    pub reason: String,
    /// When it failed first.
    pub since: Timestamp,
    /// When it is asked again. In the past where its failures are too few for leaving it alone.
    pub until: Timestamp,
}

/// What a provider said about itself when it was asked last.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderMetadata {
    /// The base URL at which it was asked.
    pub address: String,
    /// Its documents, each under its name.
    pub documents: serde_json::Value,
    /// When it was asked.
    pub read_at: Timestamp,
}

impl TenantState {
    /// What a provider said about itself when it was asked last.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn provider_metadata(
        &self,
        provider: &ProviderName,
    ) -> Result<Option<ProviderMetadata>, StateError> {
        const SQL: &str =
            "SELECT address, documents, read_at FROM provider_metadata WHERE tenant = ?1 AND provider = ?2";
        let row = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(provider.as_str())
            .fetch_optional(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("read what a provider said about itself"))?;
        row.map(|row| {
            let reading =
                Reading { shared: &self.shared, what: "what a provider said about itself", row: &row };
            Ok(ProviderMetadata {
                address: reading.get("address")?,
                documents: reading.json("documents")?,
                read_at: reading.moment("read_at")?,
            })
        })
        .transpose()
    }

    /// Remembers what a provider said about itself, unless it is what is remembered already.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn set_provider_metadata(
        &self,
        provider: &ProviderName,
        metadata: &ProviderMetadata,
    ) -> Result<(), StateError> {
        const DOING: &str = "remember what a provider said about itself";
        const SQL: &str = "INSERT INTO provider_metadata (tenant, provider, address, documents, read_at) \
                           VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET address = excluded.address, \
                           documents = excluded.documents, read_at = excluded.read_at \
                           WHERE excluded.read_at <> provider_metadata.read_at";
        let mut connection = self.shared.writer(DOING).await?;
        sqlx::query(SQL)
            .bind(self.tenant())
            .bind(provider.as_str())
            .bind(&metadata.address)
            .bind(metadata.documents.to_string())
            .bind(to_millis(metadata.read_at))
            .execute(&mut *connection)
            .await
            .map_err(self.shared.sql(DOING))?;
        Ok(())
    }

    /// The base URL that the links of a provider point at; `None` until it was stored.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn provider_address(&self, provider: &ProviderName) -> Result<Option<String>, StateError> {
        sqlx::query_scalar("SELECT address FROM providers WHERE tenant = ?1 AND provider = ?2")
            .bind(self.tenant())
            .bind(provider.as_str())
            .fetch_optional(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("read the address of a provider"))
    }

    /// Remembers the base URL that the links of a provider point at.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn set_provider_address(
        &self,
        provider: &ProviderName,
        address: &str,
    ) -> Result<(), StateError> {
        const DOING: &str = "remember the address of a provider";
        let mut connection = self.shared.writer(DOING).await?;
        sqlx::query("INSERT OR REPLACE INTO providers (tenant, provider, address) VALUES (?1, ?2, ?3)")
            .bind(self.tenant())
            .bind(provider.as_str())
            .bind(address)
            .execute(&mut *connection)
            .await
            .map_err(self.shared.sql(DOING))?;
        Ok(())
    }

    /// Gives everything that is kept of a provider to another name: links, intents, setbacks, how far each scope was
    /// read, the address, and what is held against it. What happened stays as it was written down. How many links there
    /// were; nothing changes where the other name has links of its own, and their number is the error.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn rename_provider(
        &self,
        from: &ProviderName,
        to: &ProviderName,
    ) -> Result<Result<u64, u64>, StateError> {
        const DOING: &str = "give the links of a provider to another name";
        let context = (self.clone(), from.clone(), to.clone());
        let write = self.shared.write(DOING, context, |(state, from, to), connection| {
            Box::pin(state.rename_provider_on(connection, from, to))
        });
        write.await
    }

    async fn rename_provider_on(
        &self,
        connection: &mut SqliteConnection,
        from: &ProviderName,
        to: &ProviderName,
    ) -> Result<Result<u64, u64>, StateError> {
        const COUNT: &str = "SELECT count(*) FROM links WHERE tenant = ?1 AND provider = ?2";
        // Of what a run without links left under the other name, the own row of a key is worth more.
        const MOVES: [&str; 7] = [
            "UPDATE links SET provider = ?3 WHERE tenant = ?1 AND provider = ?2",
            "UPDATE OR REPLACE intents SET provider = ?3 WHERE tenant = ?1 AND provider = ?2",
            "UPDATE OR REPLACE setbacks SET provider = ?3 WHERE tenant = ?1 AND provider = ?2",
            "UPDATE OR REPLACE scope_marks SET provider = ?3 WHERE tenant = ?1 AND provider = ?2",
            "UPDATE OR REPLACE providers SET provider = ?3 WHERE tenant = ?1 AND provider = ?2",
            "UPDATE OR REPLACE provider_quarantines SET provider = ?3 WHERE tenant = ?1 AND provider = ?2",
            "UPDATE OR REPLACE provider_metadata SET provider = ?3 WHERE tenant = ?1 AND provider = ?2",
        ];
        let sql = self.shared.sql("give the links of a provider to another name");
        let there: i64 = sqlx::query_scalar(COUNT)
            .bind(self.tenant())
            .bind(to.as_str())
            .fetch_one(&mut *connection)
            .await
            .map_err(&sql)?;
        if there > 0 {
            return Ok(Err(there.unsigned_abs()));
        }
        let mut links = 0;
        for (number, statement) in MOVES.into_iter().enumerate() {
            let query = sqlx::query(statement).bind(self.tenant()).bind(from.as_str()).bind(to.as_str());
            let done = query.execute(&mut *connection).await.map_err(&sql)?;
            if number == 0 {
                links = done.rows_affected();
            }
        }
        Ok(Ok(links))
    }

    /// What is held against a provider.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn provider_quarantine(
        &self,
        provider: &ProviderName,
    ) -> Result<Option<ProviderQuarantine>, StateError> {
        const SQL: &str = "SELECT access, failures, reason, since, until FROM provider_quarantines \
                           WHERE tenant = ?1 AND provider = ?2";
        let row = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(provider.as_str())
            .fetch_optional(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("read whether a provider is in quarantine"))?;
        row.map(|row| {
            read_quarantine(&Reading { shared: &self.shared, what: "a provider's quarantine", row: &row })
        })
        .transpose()
    }

    /// What is held against the providers, in the order of their names.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn provider_quarantines(&self) -> Result<Vec<(ProviderName, ProviderQuarantine)>, StateError> {
        const SQL: &str = "SELECT provider, access, failures, reason, since, until FROM provider_quarantines \
                           WHERE tenant = ?1 ORDER BY provider";
        let rows = sqlx::query(SQL)
            .bind(self.tenant())
            .fetch_all(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("read which providers are in quarantine"))?;
        rows.iter()
            .map(|row| {
                let reading = Reading { shared: &self.shared, what: "a provider's quarantine", row };
                Ok((reading.parse("provider", ProviderName::parse)?, read_quarantine(&reading)?))
            })
            .collect()
    }

    /// Stores what is held against a provider, in place of what was before.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn put_provider_quarantine(
        &self,
        provider: &ProviderName,
        quarantine: &ProviderQuarantine,
    ) -> Result<(), StateError> {
        const DOING: &str = "put a provider into quarantine";
        const SQL: &str = "INSERT OR REPLACE INTO provider_quarantines \
                           (tenant, provider, access, failures, reason, since, until) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let mut connection = self.shared.writer(DOING).await?;
        sqlx::query(SQL)
            .bind(self.tenant())
            .bind(provider.as_str())
            .bind(&quarantine.access)
            .bind(i64::from(quarantine.failures))
            .bind(&quarantine.reason)
            .bind(to_millis(quarantine.since))
            .bind(to_millis(quarantine.until))
            .execute(&mut *connection)
            .await
            .map_err(self.shared.sql(DOING))?;
        Ok(())
    }

    /// Forgets what is held against a provider. Whether there was anything.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn lift_provider_quarantine(&self, provider: &ProviderName) -> Result<bool, StateError> {
        const DOING: &str = "end the quarantine of a provider";
        let mut connection = self.shared.writer(DOING).await?;
        let done = sqlx::query("DELETE FROM provider_quarantines WHERE tenant = ?1 AND provider = ?2")
            .bind(self.tenant())
            .bind(provider.as_str())
            .execute(&mut *connection)
            .await
            .map_err(self.shared.sql(DOING))?;
        Ok(done.rows_affected() > 0)
    }
}

fn read_quarantine(reading: &Reading<'_>) -> Result<ProviderQuarantine, StateError> {
    Ok(ProviderQuarantine {
        access: reading.get("access")?,
        failures: reading.get("failures")?,
        reason: reading.get("reason")?,
        since: reading.moment("since")?,
        until: reading.moment("until")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SetbackKind;
    use crate::fixture::{Scratch, intent, key, link, moment, scope_of, setback};

    fn name(text: &str) -> ProviderName {
        ProviderName::parse(text).unwrap()
    }

    #[tokio::test]
    async fn the_address_of_a_provider_is_remembered_and_may_change() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        assert_eq!(state.provider_address(&name("acme")).await.unwrap(), None);
        for address in ["https://test.acme.example/scim/v2", "https://acme.example/scim/v2"] {
            state.set_provider_address(&name("acme"), address).await.unwrap();
            assert_eq!(state.provider_address(&name("acme")).await.unwrap().as_deref(), Some(address));
        }
        assert_eq!(state.provider_address(&name("globex")).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_a_provider_said_about_itself_is_remembered_until_it_says_something_else() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        assert_eq!(state.provider_metadata(&name("acme")).await.unwrap(), None);
        for seconds in [0, 60] {
            let said = ProviderMetadata {
                address: "https://acme.example/scim/v2".into(),
                documents: serde_json::json!({ "ServiceProviderConfig": { "read": seconds } }),
                read_at: moment(seconds),
            };
            state.set_provider_metadata(&name("acme"), &said).await.unwrap();
            assert_eq!(state.provider_metadata(&name("acme")).await.unwrap(), Some(said));
        }
        assert_eq!(state.provider_metadata(&name("globex")).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_provider_takes_everything_along_to_a_new_name_and_nothing_where_that_has_links() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let (old, new) = (scope_of("acme", "User"), scope_of("acme-live", "User"));
        let first = link("a", "1");
        state.put_link(&old, &first).await.unwrap();
        state.put_link(&scope_of("acme", "Group"), &link("g", "2")).await.unwrap();
        state.put_setback(&old, &setback("b", SetbackKind::Permanent, None)).await.unwrap();
        // A run under the new name left its own mark, and no link.
        state.put_setback(&new, &setback("b", SetbackKind::Permanent, None)).await.unwrap();
        state.set_watermark(&new, Some("9")).await.unwrap();
        state.write_intent(&old, &intent("c")).await.unwrap();
        state.set_watermark(&old, Some("17")).await.unwrap();
        state.set_provider_address(&name("acme"), "https://acme.example").await.unwrap();
        state.put_link(&scope_of("globex", "User"), &link("a", "1")).await.unwrap();

        let refused = state.rename_provider(&name("acme"), &name("globex")).await.unwrap();
        assert_eq!(refused, Err(1));
        assert!(state.link(&old, &key("a")).await.unwrap().is_some());

        assert_eq!(state.rename_provider(&name("acme"), &name("acme-live")).await.unwrap(), Ok(2));
        assert_eq!(state.link(&new, &key("a")).await.unwrap(), Some(first));
        assert_eq!(state.count_links(&scope_of("acme-live", "Group"), None).await.unwrap(), 1);
        assert!(state.setback(&new, &key("b")).await.unwrap().is_some());
        assert_eq!(state.intents(&new).await.unwrap().len(), 1);
        assert_eq!(state.watermark(&new).await.unwrap().as_deref(), Some("17"));
        let address = state.provider_address(&name("acme-live")).await.unwrap();
        assert_eq!(address.as_deref(), Some("https://acme.example"));
        let left: Vec<_> = state.scopes().await.unwrap().into_iter().map(|scope| scope.to_string()).collect();
        assert_eq!(left, ["acme-live/Group", "acme-live/User", "globex/User"]);
    }

    #[tokio::test]
    async fn what_is_held_against_a_provider_is_kept_until_it_is_lifted() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let few = ProviderQuarantine {
            access: "5ac4".into(),
            failures: 1,
            reason: "503 Service Unavailable".into(),
            since: moment(0),
            until: moment(0),
        };
        let many = ProviderQuarantine { failures: 5, until: moment(60_000), ..few.clone() };
        state.put_provider_quarantine(&name("globex"), &few).await.unwrap();
        state.put_provider_quarantine(&name("acme"), &few).await.unwrap();
        state.put_provider_quarantine(&name("acme"), &many).await.unwrap();
        assert_eq!(state.provider_quarantine(&name("acme")).await.unwrap().as_ref(), Some(&many));
        let all = state.provider_quarantines().await.unwrap();
        assert_eq!(all, [(name("acme"), many), (name("globex"), few)]);
        assert!(state.lift_provider_quarantine(&name("acme")).await.unwrap());
        assert!(!state.lift_provider_quarantine(&name("acme")).await.unwrap());
        assert_eq!(state.provider_quarantine(&name("acme")).await.unwrap(), None);
    }
}
