//! The scanner and the parser on one message.

use crate::identity;

/// Where the scanner calls the message plain, the parser must read the same.
pub fn message(data: &[u8]) {
    if let Err(what) = identity::agreement(data) {
        panic!("{what}");
    }
}
