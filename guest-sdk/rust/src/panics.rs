//! Panics, told to the host before they end the instance.
//!
//! On this target a panic is a bare trap: the message would be lost. The hook sends it through the host's log
//! at error level, with the place, so that the author reads `src/lib.rs:42` and not `unreachable executed`.

use std::panic::PanicHookInfo;

/// Installs the hook, the first time it is called in an instance.
#[cfg(target_arch = "wasm32")]
pub(crate) fn report_to_host() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            let (message, details) = words(panic);
            crate::log::write(crate::log::Level::Error, message, details);
        }));
    });
}

/// A panic in words: its message with its place, and the place as details.
fn words(panic: &PanicHookInfo<'_>) -> (String, Vec<(String, String)>) {
    let message = panic.payload_as_str().unwrap_or("(a value that is no text)");
    match panic.location() {
        Some(place) => (
            format!("panicked at {}:{}: {message}", place.file(), place.line()),
            vec![
                ("file".to_owned(), place.file().to_owned()),
                ("line".to_owned(), place.line().to_string()),
                ("column".to_owned(), place.column().to_string()),
            ],
        ),
        None => (format!("panicked: {message}"), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic;
    use std::sync::mpsc;

    #[test]
    fn a_panic_is_told_with_message_and_place() {
        let (tell, told) = mpsc::channel();
        let thread = std::thread::current().id();
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            // Other tests share the hook.
            if std::thread::current().id() == thread {
                tell.send(words(panic)).unwrap();
            }
        }));
        let line = line!() + 1;
        let outcome = panic::catch_unwind(|| panic!("no {}", "department"));
        panic::set_hook(before);

        assert!(outcome.is_err());
        let (message, details) = told.try_recv().unwrap();
        assert!(message.ends_with(&format!("panics.rs:{line}: no department")), "{message}");
        assert_eq!(details[1], ("line".to_owned(), line.to_string()));
    }
}
