//! Text as a path.

#![no_main]

use libfuzzer_sys::fuzz_target;
use scimwright_fuzz::laws;

fuzz_target!(|text: &str| laws::path(text));
