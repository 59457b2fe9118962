//! Profiles as an admin writes them, the built-in ones, and the page that explains both.

mod builtins;
mod files;
mod page;
