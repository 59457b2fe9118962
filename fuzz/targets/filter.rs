//! Text as a filter.

#![no_main]

use libfuzzer_sys::fuzz_target;
use scimwright_fuzz::laws;

fuzz_target!(|text: &str| laws::filter(text));
