//! Why a sandbox could not be started. Once it runs, everything it has to say is a SCIM error response.

use std::net::SocketAddr;

/// A sandbox that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address is taken, or is not one of this machine's.
    #[error("the sandbox cannot listen on {address}: {cause}; port 0 takes any free port")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system said.
        cause: std::io::Error,
    },
    /// Other machines could reach it, and nothing would keep them out.
    #[error(
        "the sandbox would be open to the network on {address}: set a bearer token, or listen on 127.0.0.1"
    )]
    Unguarded {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// A page of no resources: a client that pages would never arrive.
    #[error("the sandbox cannot answer in pages of 0: `{option}` has to be at least 1")]
    EmptyPages {
        /// The option that is zero.
        option: &'static str,
    },
    /// No URL can name the address.
    #[error("clients could not reach the sandbox on {address}: {cause}; listen on 127.0.0.1")]
    NoUrl {
        /// The address it listens on.
        address: SocketAddr,
        /// What is wrong with it.
        cause: url::ParseError,
    },
}
