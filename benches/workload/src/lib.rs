//! What every side of the mapping benchmark does alike: the record, the rules, and taking the time.
//!
//! The sides differ in one thing only: how the record gets into the mapping and the user out of it. So the rules
//! stand here once, and neither serde nor WebAssembly shows in them. Nothing here depends on scimwright or on
//! wasmtime, because peers with another wasmtime use it too.
//!
//! - [`person`]: the record of 12 fields, and the call that carries it
//! - [`rules`]: from the record to a user of 8 attributes
//! - [`text`]: names, addresses and telephone numbers, cleaned
//! - [`round`]: one timed round
//!
//! ```
//! use bench_workload::{Call, expected, rules};
//!
//! let call = Call::example();
//! let user = rules::map(&call.person, &call.now)?;
//! assert_eq!(serde_json::to_value(user)?, expected());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod person;
pub mod round;
pub mod rules;
pub mod text;

pub use person::{Call, Person};
pub use round::{Measured, Round};
pub use rules::{Refusal, User};

/// The user that every side has to make of [`Call::example`], as JSON.
#[must_use]
pub fn expected() -> serde_json::Value {
    serde_json::json!({
        "userName": "zoe.martin@example.com",
        "name": { "formatted": "Zoë Martin", "familyName": "Martin", "givenName": "Zoë" },
        "displayName": "Zo Martin",
        "emails": [{ "value": "zoe.martin@example.com", "type": "work", "primary": true }],
        "phoneNumbers": [
            { "value": "+33123456789", "type": "work" },
            { "value": "+33612345678", "type": "mobile" },
        ],
        "active": true,
        "title": "Engineer, grade 7",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Products: Research" },
    })
}
