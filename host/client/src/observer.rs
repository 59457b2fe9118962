//! Who is shown each call when it is finished.

use crate::call::CallReport;
use crate::failure::Failure;

/// Is shown every call of a client when it is finished: for metrics, a client log, a console.
///
/// It is called once for each call, be it done, failed, or refused before a request was sent; not for a call
/// whose future was dropped. It runs inside the call, so that it should be quick. What it is shown has no
/// secrets.
pub trait CallObserver: Send + Sync {
    /// A call is finished; without a failure, it went well.
    fn called(&self, call: &CallReport, failure: Option<&Failure>);
}
