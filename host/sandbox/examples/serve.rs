//! Serves the sandbox on a fixed port until interrupted, for trying things by hand:
//!
//! ```text
//! cargo run --release -p scimwright-sandbox --example serve -- 127.0.0.1:8976
//! scim2 --url http://127.0.0.1:8976/v2 test
//! curl http://127.0.0.1:8976/_sandbox/stats
//! ```
//!
//! The first argument is the address (default `127.0.0.1:8976`), the second a bearer token. Anything that
//! follows makes the sandbox tolerant.

use scimwright_sandbox::{Sandbox, SandboxOptions};
use std::error::Error;
use std::io::Write;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8976".to_owned()).parse()?;
    let bearer_token = arguments.next().filter(|token| !token.is_empty()).map(Into::into);
    let strict = arguments.next().is_none();
    let sandbox =
        Sandbox::start(SandboxOptions { address, bearer_token, strict, ..SandboxOptions::default() }).await?;
    writeln!(std::io::stdout(), "{}", sandbox.base_url())?;
    tokio::signal::ctrl_c().await?;
    sandbox.shutdown().await;
    Ok(())
}
