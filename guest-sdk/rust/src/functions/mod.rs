//! Names, telephone numbers and language tags as people really type them.
//!
//! Pure functions from text to text, without tables that would make every module larger: what a mapping does
//! not call is not in it.
//!
//! | function | does | example |
//! |---|---|---|
//! | [`clean_name`] | one space between words, no control characters, no emoji | ` Zoë\u{A0}🚀 ` → `Zoë` |
//! | [`to_ascii`] | Latin, Greek and Cyrillic letters to plain ones | `Łukasz Żółć` → `Lukasz Zolc` |
//! | [`family_name_first`] | whether a full name is written family name first | `山田`, `太郎` → yes |
//! | [`full_name`] | both names in the order of their script | `山田太郎`, `Ada Lovelace` |
//! | [`phone_number`] | a telephone number, E.164 where the country is known | `(0)30 / 1234` → `+49301234` |
//! | [`language_tag`] | a BCP 47 language tag in its usual case | `de_ch` → `de-CH` |
//! | [`email_address`] | an address in lower case, where it is one | `Ada@Example.COM` → `ada@example.com` |

mod ascii;
mod contact;
mod names;

pub use ascii::to_ascii;
pub use contact::{email_address, language_tag, phone_number};
pub use names::{clean_name, family_name_first, full_name};
