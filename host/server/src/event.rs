//! What the service says while it goes on.

use jiff::Timestamp;
use scimwright_mapping::ModuleStatus;
use scimwright_provision::Event;
use scimwright_record::{ModuleName, ProviderName, ResourceTypeName, TenantName};
use serde_json::{Value, json};
use std::time::Duration;

/// Receives what the service says. Called from several threads; it must not block for long.
pub trait ServiceObserver: Send + Sync {
    /// Called once for each event.
    fn observe(&self, event: &ServiceEvent);
}

impl<F: Fn(&ServiceEvent) + Send + Sync> ServiceObserver for F {
    fn observe(&self, event: &ServiceEvent) {
        self(event);
    }
}

/// One thing that happened, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceEvent {
    /// When.
    pub at: Timestamp,
    /// Whom it concerns; `None` for the service as a whole.
    pub tenant: Option<TenantName>,
    /// What.
    pub what: Happening,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// The service begins.
    Serving {
        /// How many tenants it has.
        tenants: usize,
    },
    /// A tenant is ready, its modules are loaded, and its resources are about to be synced.
    Ready {
        /// How many resources it has.
        resources: usize,
    },
    /// A tenant's work ended or could not begin. Others go on.
    TenantFailed {
        /// Why.
        reason: String,
        /// When it is begun again.
        retry_in: Duration,
    },
    /// A file in the modules folder is something else now.
    Module(Box<ModuleStatus>),
    /// The modules folder cannot be listed; its modules go on as they were.
    FolderTrouble {
        /// Why.
        reason: String,
    },
    /// A provider failed again and again, and is left alone for a while.
    ProviderQuarantined {
        /// The provider.
        provider: ProviderName,
        /// How many rounds failed in a row.
        failures: u32,
        /// Until when nothing is asked of it.
        until: Timestamp,
        /// What the last one failed of.
        reason: String,
    },
    /// The wait of a provider in quarantine is over, and one round tries.
    ProviderTried {
        /// The provider.
        provider: ProviderName,
    },
    /// A provider that was in quarantine can be worked with again.
    ProviderBack {
        /// The provider.
        provider: ProviderName,
    },
    /// A module's quarantine was ended by hand.
    Released {
        /// The module.
        module: ModuleName,
    },
    /// What was asked by hand is begun.
    WishTaken {
        /// What was asked.
        wish: String,
    },
    /// What was asked by hand was done, or could not be; whoever asked was told.
    WishDone {
        /// What was asked.
        wish: String,
    },
    /// What was asked by hand is not begun.
    WishDropped {
        /// What was asked.
        wish: String,
        /// Why not.
        reason: String,
    },
    /// Something that was found among what is asked by hand is no use, or the answer cannot be given.
    WishTrouble {
        /// What is wrong.
        reason: String,
    },
    /// The configuration file is another one than the service reads from.
    ConfigurationChanged,
    /// A run says something.
    Run {
        /// The provider.
        provider: ProviderName,
        /// The resource type.
        resource_type: ResourceTypeName,
        /// What it says.
        event: Box<Event>,
    },
    /// A resource was synced, or could not be.
    Synced {
        /// The provider.
        provider: ProviderName,
        /// The resource type.
        resource_type: ResourceTypeName,
        /// Why it could not be synced to its end, if so.
        failure: Option<String>,
        /// When it is synced again.
        next_in: Duration,
    },
    /// The service was told to stop, and settles what is under way.
    Stopping,
    /// The service has ended.
    Stopped {
        /// Whether everything under way was settled in time.
        clean: bool,
    },
}

impl ServiceEvent {
    /// The event as one JSON object: `at`, `tenant`, `event`, and what belongs to the event.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut line = json!({ "at": self.at.to_string() });
        if let Some(tenant) = &self.tenant {
            add(&mut line, json!({ "tenant": tenant }));
        }
        let more = match &self.what {
            Happening::Serving { tenants } => json!({ "event": "serving", "tenants": tenants }),
            Happening::Ready { resources } => json!({ "event": "ready", "resources": resources }),
            Happening::TenantFailed { reason, retry_in } => {
                json!({ "event": "tenant-failed", "reason": reason, "retry_in_seconds": retry_in.as_secs_f64() })
            }
            Happening::Module(status) => {
                let mut line = serde_json::to_value(status).unwrap_or_default();
                line["event"] = "module".into();
                line
            }
            Happening::FolderTrouble { reason } => json!({ "event": "folder-trouble", "reason": reason }),
            Happening::ProviderQuarantined { provider, failures, until, reason } => json!({
                "event": "provider-quarantined", "provider": provider, "failures": failures,
                "until": until.to_string(), "reason": reason,
            }),
            Happening::ProviderTried { provider } => {
                json!({ "event": "provider-tried", "provider": provider })
            }
            Happening::ProviderBack { provider } => json!({ "event": "provider-back", "provider": provider }),
            Happening::Released { module } => json!({ "event": "released", "module": module }),
            Happening::WishTaken { wish } => json!({ "event": "wish-taken", "wish": wish }),
            Happening::WishDone { wish } => json!({ "event": "wish-done", "wish": wish }),
            Happening::WishDropped { wish, reason } => {
                json!({ "event": "wish-dropped", "wish": wish, "reason": reason })
            }
            Happening::WishTrouble { reason } => json!({ "event": "wish-trouble", "reason": reason }),
            Happening::ConfigurationChanged => json!({ "event": "configuration-changed" }),
            Happening::Run { provider, resource_type, event } => {
                add(&mut line, json!({ "provider": provider, "resource_type": resource_type }));
                serde_json::to_value(event).unwrap_or_default()
            }
            Happening::Synced { provider, resource_type, failure, next_in } => json!({
                "event": "synced", "provider": provider, "resource_type": resource_type, "failure": failure,
                "next_in_seconds": next_in.as_secs_f64(),
            }),
            Happening::Stopping => json!({ "event": "stopping" }),
            Happening::Stopped { clean } => json!({ "event": "stopped", "clean": clean }),
        };
        add(&mut line, more);
        line
    }
}

fn add(line: &mut Value, more: Value) {
    if let (Some(line), Value::Object(more)) = (line.as_object_mut(), more) {
        line.extend(more);
    }
}
