//! From an author's sources to a mapping module.
//!
//! This crate runs compilers and never a component: whether a module maps well is the business of those who load it.
//! Nothing is printed, and nothing is installed; a tool that is missing is named with the command that brings it.
//!
//! - [`project`]: a folder with a `mapping.toml`
//! - `template`: [`new_project`] writes one that works
//! - `build`: [`build()`] makes `target/NAME.wasm` of it
//! - `script`, `inline`: JavaScript without a project, built into a cache
//! - [`rust_toolchain`], `tools`: finding compilers
//! - `inputs`: [`inputs_digest`] tells whether a project has to be built again
//! - `sdk`, `embedded`: the SDKs and the contract, which the binary carries
//! - [`component`]: the last steps to a component
//!
//! ```no_run
//! use scimwright_toolchain::{Language, Project, Tools, build, new_project};
//! use std::path::Path;
//!
//! let folder = Path::new("corp-user");
//! new_project(folder, "corp-user", Language::JavaScript)?;
//! let built = build(&Project::open(folder)?, &Tools::default())?;
//! assert_eq!(built.path, folder.join("target/corp-user.wasm"));
//! # Ok::<(), scimwright_toolchain::ToolchainError>(())
//! ```

mod build;
mod cases;
pub mod component;
mod embedded;
mod error;
mod inline;
mod inputs;
mod language;
mod process;
pub mod project;
pub mod rust_toolchain;
mod script;
mod sdk;
mod template;
mod tools;

pub use build::{Built, build};
pub use component::CASES_SECTION;
pub use error::ToolchainError;
pub use inline::{InlineScript, build_inline};
pub use inputs::inputs_digest;
pub use language::Language;
pub use project::{Project, World};
pub use rust_toolchain::RustToolchain;
pub use script::build_script_file;
pub use template::new_project;
pub use tools::{COMPONENTIZE_PY, COMPONENTIZE_QJS, Tools};
