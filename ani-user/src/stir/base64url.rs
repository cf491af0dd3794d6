//! base64url (RFC 4648 §5, RFC 7515 §2), read in two ways.

/// Longest text that is decoded, bytes.
pub const MAX_ENCODED: usize = 16 * 1_024;

/// As signatures demand it: no padding, no white space, no other alphabet, and no letter that says
/// more than its bytes do, so that each text of bytes is the only one. None for anything else.
pub fn strict(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() > MAX_ENCODED {
        return None;
    }
    let mut bytes = vec![0; text.len() / 4 * 3 + (text.len() % 4).saturating_sub(1)];
    strict_into(text, &mut bytes).then_some(bytes)
}

/// The same into as many bytes as it must be; whether it was just so many.
pub fn strict_into(text: &[u8], bytes: &mut [u8]) -> bool {
    let (quads, rest) = text.as_chunks::<4>();
    let (triples, last) = bytes.as_chunks_mut::<3>();
    if text.is_empty() || triples.len() != quads.len() {
        return false;
    }
    let mut seen = 0;
    for (quad, triple) in quads.iter().zip(triples) {
        let (word, all) = of_quad(*quad, &URL);
        seen |= all;
        let [_, three @ ..] = word.to_be_bytes();
        *triple = three;
    }
    let letter = |byte: u8| u32::from(URL[usize::from(byte)]);
    match (rest, last) {
        ([], []) => {}
        ([a, b], [one]) => {
            let (a, b) = (letter(*a), letter(*b));
            // What is left over must be zero.
            seen |= a | b | (b & 0xf) << 8;
            *one = (a << 2 | b >> 4) as u8;
        }
        ([a, b, c], [one, two]) => {
            let (a, b, c) = (letter(*a), letter(*b), letter(*c));
            seen |= a | b | c | (c & 3) << 8;
            (*one, *two) = ((a << 2 | b >> 4) as u8, (b << 4 | c >> 2) as u8);
        }
        _ => return false,
    }
    seen <= MOST
}

/// As it comes: white space of folding and padding left out, and both alphabets, since some send the
/// standard one's `+` and `/`. None for anything else.
pub fn lenient(text: &[u8]) -> Option<Vec<u8>> {
    if text.is_empty() || text.len() > MAX_ENCODED {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    // Four letters are three bytes, as long as nothing stands between them.
    let (quads, _) = text.as_chunks::<4>();
    let mut read = 0;
    for quad in quads {
        let (word, all) = of_quad(*quad, &BOTH);
        if all > MOST {
            break;
        }
        let [_, high, middle, low] = word.to_be_bytes();
        bytes.extend_from_slice(&[high, middle, low]);
        read += quad.len();
    }
    let (mut bits, mut count) = (0u32, 0);
    for byte in text.get(read..)?.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        if *byte == b'=' {
            continue;
        }
        let sextet = BOTH[usize::from(*byte)];
        if sextet == NO_SEXTET {
            return None;
        }
        bits = bits << 6 | u32::from(sextet);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

/// Three bytes in the low part of a word, and all that was looked up, which is more than [`MOST`] when
/// one of the four is no letter.
#[inline]
fn of_quad(quad: [u8; 4], alphabet: &[u8; 256]) -> (u32, u32) {
    let [a, b, c, d] = quad.map(|byte| u32::from(alphabet[usize::from(byte)]));
    (a << 18 | b << 12 | c << 6 | d, a | b | c | d)
}

/// The largest value of a letter.
const MOST: u32 = 0x3f;

/// Stands in an alphabet for a byte that is no letter of it.
const NO_SEXTET: u8 = 0xff;

/// What a letter of RFC 4648 §5 stands for.
const URL: [u8; 256] = alphabet(&[URL_LETTERS]);

/// The same, and those of §4.
const BOTH: [u8; 256] =
    alphabet(&[URL_LETTERS, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"]);

const URL_LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const fn alphabet(letters: &[&[u8; 64]]) -> [u8; 256] {
    let mut sextets = [NO_SEXTET; 256];
    let mut which = 0;
    while which < letters.len() {
        let mut value = 0;
        while value < 64 {
            sextets[letters[which][value] as usize] = value as u8;
            value += 1;
        }
        which += 1;
    }
    sextets
}

/// As letters, without padding.
pub fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            text.push(char::from(URL_LETTERS[(word >> (18 - 6 * at) & MOST) as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_rfc_4648() {
        for (plain, letters) in [
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encoded(plain.as_bytes()), letters);
            assert_eq!(strict(letters.as_bytes()).as_deref(), Some(plain.as_bytes()));
            assert_eq!(lenient(letters.as_bytes()).as_deref(), Some(plain.as_bytes()));
        }
        assert_eq!(encoded(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn strictly_there_is_one_text_of_bytes() {
        for text in
            ["", "Zg==", "Zh", "Zm9", "Z", "Zm9v+A", "Zm9v/A", "Zm 9v", "Zm9v\r\n", "Zm9vYg="]
        {
            assert_eq!(strict(text.as_bytes()), None, "{text}");
        }
        assert_eq!(strict(&[b'A'; MAX_ENCODED + 4]), None);
    }

    #[test]
    fn leniently_what_is_meant_is_read() {
        for (text, bytes) in [
            ("-_8", &[0xfb, 0xff][..]),
            ("+/8=", &[0xfb, 0xff]),
            ("Zm9v\r\n YmFy", b"foobar"),
            ("Zh", b"f"),
        ] {
            assert_eq!(lenient(text.as_bytes()).as_deref(), Some(bytes), "{text}");
        }
        assert_eq!(lenient(b"Zm9v*"), None);
        assert_eq!(lenient(&[b'A'; MAX_ENCODED + 4]), None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(bytes in prop::collection::vec(any::<u8>(), 1..100)) {
            let text = encoded(&bytes);
            prop_assert_eq!(strict(text.as_bytes()), Some(bytes.clone()));
            prop_assert_eq!(lenient(text.as_bytes()), Some(bytes));
        }

        #[test]
        fn what_is_strict_is_what_it_encodes_to(text in "[A-Za-z0-9_+/= -]{1,40}") {
            if let Some(bytes) = strict(text.as_bytes()) {
                prop_assert_eq!(encoded(&bytes), text);
            }
        }
    }
}
