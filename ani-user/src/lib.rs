//! The daemon and the command line of ani, in the order a packet meets them.
//!
//! `sip`, `identity`, `stir::verify`, `policy` and `telemetry` know neither tokio nor aya and read no clock; time
//! comes in with the frame.

/// Loads and attaches the XDP program, and writes its maps.
#[cfg(feature = "daemon")]
pub mod kernel;
/// Where frames come from: the ring buffer, mirrors, capture files.
pub mod capture;
/// The message: a full parser over borrowed bytes.
pub mod sip;
/// Who is calling: candidates, the one chosen, what it is worth.
pub mod identity;
/// What a signature is worth: STIR/SHAKEN verification.
pub mod stir;
/// What is done with the call, and why.
pub mod policy;
/// Carries out what was decided of calls that are held.
#[cfg(feature = "daemon")]
pub mod act;
/// What stopped calls are told: SIP answers in the SBC's place.
pub mod answer;
/// Frame in, verdict and facts out; knows all stages, does no I/O.
pub mod pipeline;
/// One INVITE with all that is known of it, as others read it.
pub mod invite;
/// What is kept per caller and per trunk.
pub mod telemetry;
/// Lists that survive a restart.
#[cfg(feature = "daemon")]
pub mod store;
/// What commands and metrics scrapers talk to.
#[cfg(feature = "daemon")]
pub mod control;
/// The command line.
#[cfg(feature = "daemon")]
pub mod cli;
/// The configuration file.
pub mod config;
/// What a fuzzer feeds.
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
/// Threads, tasks, signals and the order they end in.
#[cfg(feature = "daemon")]
pub mod runtime;
/// Points in time as they are stored and shown.
pub mod time;
