//! Shared by the XDP program and the daemon; builds for both.
//!
//! [`abi`] is the contract: every word that crosses between kernel and daemon. [`scan`] is the walk
//! over a SIP message that the kernel decides on and that the daemon repeats. [`dial_plan`] makes
//! a dialled number E.164, [`lists`] finds a caller on lists, [`gcra`] is the rate limit's arithmetic,
//! [`bucket`] where it is kept, and [`attempt`] tells which INVITEs
//! are one call attempt, once for both sides.
//!
//! Nothing here panics, allocates or reads a clock. An indexing that the compiler cannot prove in
//! bounds would link and then be refused by the kernel's verifier, so every access is masked or
//! checked, and a build check looks for panic symbols in the object.

#![cfg_attr(not(test), no_std)]
// An empty instruction; see `select`.
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]
#![deny(unsafe_code)]

pub mod abi;
pub mod attempt;
pub mod bucket;
pub mod dial_plan;
pub mod gcra;
pub mod lists;
pub mod nh;
pub mod scan;
pub mod select;
