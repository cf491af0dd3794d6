//! Real calls: sipp, veth, ani, kamailio, sipp. Each test has a lab of its own and needs root;
//! `cargo xtask test` installs what they need and runs them one by one.

/// Carriers on network interfaces of their own.
mod interfaces;
/// What the counters say about the packets that came.
mod accounting;
/// Stopped calls that are told so.
mod answers;
/// Blocked callers, and the block list through restarts.
mod blocking;
/// Calls that nothing speaks against.
mod calls;
/// Calls while the worst happens.
mod chaos;
/// The daemon killed, and a second one on the same interface.
mod faults;
/// Floods of what is never finished.
mod floods;
/// INVITEs larger than a frame, and larger than most.
mod fragments;
/// The lab itself.
mod ground;
/// A carrier that changes what it sends.
mod habits;
/// Calls over TLS that the SBC mirrors.
mod hep;
/// INVITEs that only the daemon can decide.
mod hold;
/// The program outlives the daemon.
mod life;
/// The rate limit.
mod limits;
/// INVITEs without an SBC.
mod line;
/// Callers who stand in other headers.
mod profiles;
/// A changed configuration file.
mod reload;
/// Lab, SBC and daemon together.
mod rig;
/// The daemon as a service manager runs it.
mod service;
/// Signatures, and certificates that do not come.
mod stir;
/// SIP over TCP.
mod tcp;
/// VLAN tags.
mod vlan;
/// Frames onto the wire as they are.
mod wire;
