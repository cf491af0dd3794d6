//! Lists as authorities write them, and numbers at their edges.

use super::*;

fn spc(code: &str) -> Entry {
    Entry::Spc(code.to_owned())
}

fn range(start: &str, count: u64) -> Entry {
    Entry::Range { start: start.to_owned(), count }
}

fn one(number: &str) -> Entry {
    Entry::One(number.to_owned())
}

fn list(entries: &[Entry]) -> TnAuthList {
    let der = TnAuthList::write(entries).expect("DER");
    let list = TnAuthList::read(&der).expect("a list");
    assert_eq!(list.entries(), entries);
    list
}

#[test]
fn a_list_as_authorities_write_it() {
    let read = TnAuthList::read(b"\x30\x08\xa0\x06\x16\x04709J").expect("a list");
    assert_eq!(read.entries(), [spc("709J")]);
    assert_eq!(read.spc(), Some("709J"));
    let numbers =
        b"\x30\x1f\xa1\x10\x30\x0e\x16\x0812155551\x02\x02\x03\xe8\xa2\x0b\x16\x0914155550a";
    assert_eq!(TnAuthList::read(numbers), Err(Malformed), "a letter is no digit");
    let numbers =
        b"\x30\x1f\xa1\x10\x30\x0e\x16\x0812155551\x02\x02\x03\xe8\xa2\x0b\x16\x09141555501";
    let read = TnAuthList::read(numbers).expect("a list");
    assert_eq!(read.entries(), [range("12155551", 1_000), one("141555501")]);
    assert_eq!(read.spc(), None);
}

#[test]
fn what_is_no_list() {
    for der in [
        &b""[..],
        b"\x30\x00",
        b"\x30\x08\xa0\x06\x16\x04709",
        b"\x30\x08\xa0\x06\x16\x04709J\x00",
        // Implicit tags, as one authority had them.
        b"\x30\x06\x80\x04709J",
        b"\x30\x06\xa0\x04709J",
        b"\x30\x04\xa0\x02\x16\x00",
        b"\x30\x08\xa3\x06\x16\x04709J",
        b"\x30\x08\xa0\x06\x16\x0470\x009",
        // No numbers from there on, and fewer than none.
        b"\x30\x0a\xa1\x08\x30\x06\x16\x011\x02\x01\x00",
        b"\x30\x0a\xa1\x08\x30\x06\x16\x011\x02\x01\xff",
        b"\x30\x14\xa2\x12\x16\x101234567890123456",
    ] {
        assert_eq!(TnAuthList::read(der), Err(Malformed), "{der:02x?}");
    }
}

#[test]
fn numbers_at_the_edges() {
    let list = list(&[range("12155550100", 100), one("911"), range("99", 5), one("*82")]);
    for (tn, covered) in [
        ("12155550100", true),
        ("12155550199", true),
        ("12155550200", false),
        ("12155550099", false),
        ("2155550100", false),
        ("0012155550100", false),
        ("911", true),
        ("91", false),
        ("99", true),
        ("98", false),
        // Beyond what has as many digits.
        ("103", false),
        ("*82", true),
        ("", false),
        ("+12155550100", false),
        ("12155550100x", false),
        ("999999999999999999999", false),
    ] {
        assert_eq!(list.covers(tn), covered, "{tn}");
    }
    assert!(TnAuthList(vec![range("*82", 5)]).entries()[0].covers("*83").eq(&false));
    assert!(TnAuthList(vec![spc("709J"), one("1")]).covers("12155550100"));
}

#[test]
fn a_delegate_has_no_more_than_its_authority() {
    let parent = list(&[range("12155550100", 100), one("911")]);
    for (child, inside) in [
        (vec![range("12155550100", 100)], true),
        (vec![range("12155550150", 50), one("911"), one("12155550100")], true),
        (vec![range("12155550150", 51)], false),
        (vec![range("12155550150", u64::MAX)], false),
        (vec![one("912")], false),
        (vec![spc("709J")], false),
    ] {
        assert_eq!(parent.encloses(&TnAuthList(child.clone())), inside, "{child:?}");
    }
    let provider = list(&[spc("709J")]);
    assert!(provider.encloses(&parent) && provider.encloses(&provider));
    assert!(!provider.encloses(&list(&[spc("709K")])));
    assert!(!list(&[one("911")]).encloses(&list(&[range("911", 2)])));
}
