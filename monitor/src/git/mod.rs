//! The bare repository: read and merged in memory with git2, served over HTTP by git itself.
//!
//! | file | owns |
//! |---|---|
//! | [`repository`] | the handle: heads, main's compare-and-swap, attempts, candidates |
//! | [`candidate`] | the merge in memory and the commit that would be main |
//! | [`changes`] | what a tree changes against another, for the tree policy |
//! | [`trailers`] | the text of a landed commit, and how to know one |
//! | [`http`] | smart HTTP under `/git/` |
//! | [`access`] | whose token a git client shows |
//! | [`receive`] | which pushes are taken, and how a refusal is said |
//! | [`process`] | `git upload-pack` and `git receive-pack` in a neutral environment |
//! | [`slots`] | how many of those run at once |
//! | [`pktline`] | git's framing |
//! | [`leftovers`] | what a killed process leaves behind |
//!
//! Nothing here but [`repository::Repository::advance`] moves main, and only the lander calls it.

pub mod access;
pub mod candidate;
pub mod changes;
pub mod http;
pub mod leftovers;
pub mod pktline;
pub mod process;
pub mod receive;
pub mod repository;
pub mod slots;
pub mod trailers;

pub use git2::Oid;
pub use repository::{Bare, Repository};
