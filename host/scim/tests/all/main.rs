//! What the crate promises, tried from outside: against whatever may arrive, and against another implementation.

mod laws;
mod mutate;
mod mutated;
