//! What the tasks are made of, and the call lab that `demo` and the end-to-end tests share.

/// What must be undone, whatever ends the process.
pub mod cleanup;
/// Running other programs and saying what failed.
pub mod command;
/// A call lab: carrier and SBC in two network namespaces.
pub mod lab;
/// Whether this machine can run what is asked, and what to do when it cannot.
pub mod preflight;
/// What is installed before anything is built or run.
pub mod provision;
/// Where things lie in the working tree, and what cargo made.
pub mod workspace;
