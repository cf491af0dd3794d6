//! The scanner, the parser and the replay on messages and captures of other projects, which lie
//! beside the checkout in `../shared/data` (or in `ANI_SHARED_DATA`) and are not part of it. Where
//! they are not there, the tests say so and pass.

/// The replay against what tshark reads.
mod conformance;
/// The scanner and the parser on single messages.
mod messages;
