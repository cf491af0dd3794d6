//! Where a byte may stand, by one look into a table.

/// `token` (RFC 3261 §25.1).
pub(super) const TOKEN: u8 = 1;

/// What may stand in a URI: no white space, quotes, angle brackets or control characters.
pub(super) const URI: u8 = 2;

/// Whether a byte is of the class.
pub(super) fn is(byte: u8, class: u8) -> bool {
    TABLE[usize::from(byte)] & class != 0
}

/// Whether all of them are of the class.
pub(super) fn all(bytes: &[u8], class: u8) -> bool {
    // To the end whatever comes: nearly all are, and a branch a byte costs more than the look.
    bytes.iter().fold(class, |left, byte| left & TABLE[usize::from(*byte)]) == class
}

const TABLE: [u8; 256] = table();

const fn table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < table.len() {
        let byte = at as u8;
        if byte.is_ascii_alphanumeric() || is_in(byte, b"-.!%*_+`'~") {
            table[at] |= TOKEN;
        }
        if (byte.is_ascii_graphic() || byte >= 0x80) && !is_in(byte, b"\"<>\\^`{|}") {
            table[at] |= URI;
        }
        at += 1;
    }
    table
}

const fn is_in(byte: u8, bytes: &[u8]) -> bool {
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == byte {
            return true;
        }
        at += 1;
    }
    false
}
