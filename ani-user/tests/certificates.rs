//! Certificates over https, from a server of the test's own on loopback; the clock is the test's.

/// A cache, its store and its clock.
#[path = "certificates/rig.rs"]
mod rig;
/// The https server.
#[path = "certificates/server.rs"]
mod server;
/// What bounds strangers: bytes, connections, requests, time.
#[path = "certificates/bounds.rs"]
mod bounds;
/// Every way a fetch can end.
#[path = "certificates/ends.rs"]
mod ends;
/// How long certificates are kept, and what is kept of them.
#[path = "certificates/keeping.rs"]
mod keeping;
/// Revocation lists from where certificates say they are.
#[path = "certificates/lists.rs"]
mod lists;
