//! What a whole system spends on a blocked INVITE, over veth, beside what else could stop it.
//!
//! The carrier is a program in the kernel that sends live frames from one CPU; the receive side is a
//! thread of the kernel on the other, whose CPU time is its own. Each round measures every way once,
//! so that a machine whose speed drifts drifts for all; the medians of the rounds are compared.

/// ani's program with a block list.
mod ani;
/// Answers to stopped calls.
mod answers;
/// INVITEs into the ring.
mod capture;
/// What one blocked INVITE costs.
mod cost;
/// CPU time.
mod cpu;
/// Honest calls under a flood.
mod flood;
/// INVITEs that are held and released.
mod hold;
/// The lab, and the sending side.
mod ground;
/// Who takes records out of the ring.
mod reader;

use anyhow::Result;

use crate::report::Report;

/// What the report calls it.
const GROUP: &str = "system";

/// Measures the group; needs root.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    answers::run(report)?;
    cost::run(report)?;
    hold::run(report)?;
    capture::run(report)?;
    flood::run(report)
}
