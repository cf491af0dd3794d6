//! Frames through the compiled program, by `BPF_PROG_TEST_RUN`, and fragments through the stack
//! behind it. Needs root; touches no interface of the machine's.

/// The program in the kernel, and one frame at a time through it.
mod harness;
/// The object and its maps.
mod loads;
/// Link, network and transport headers.
mod headers;
/// Kernel and daemon find the same message in the same frame.
mod framing;
/// Packets in fragments.
mod fragments;
/// What the stack and the daemon make of any fragments.
mod reassembly;
/// SIP over TCP.
mod tcp;
/// Frames and messages that end too early.
mod truncations;
/// What is an INVITE and what is not.
mod recognition;
/// Lists, trunks, and calls that no list stops.
mod verdicts;
/// The dial plan of every country.
mod numbers;
/// Forms that are left to the full parser.
mod not_plain;
/// One verdict for each call attempt.
mod attempts;
/// Lists, and how they change.
mod lists;
/// A changed configuration, under traffic.
mod reload;
/// Budgets, exact to the call.
mod limits;
/// What is held, and what becomes of it.
mod hold;
/// What `verstat` is worth.
mod verstat;
/// What the breaker makes of a mistake and of a flood.
mod breaker;
/// What reaches the daemon.
mod capture;
/// A ring for each CPU.
mod rings;
/// INVITEs that were changed.
mod mutation;
/// Kernel and host make the same of the same message.
mod agreement;
/// INVITEs made of forms.
mod generated;
/// What the full parser makes of a message, and what must follow from that.
mod judge;
/// The compiled program against the full parser.
mod differential;
/// The attack list.
mod evasion;
