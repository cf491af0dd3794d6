//! Plans as countries have them, and what must never become a number.

use super::*;

fn plan(
    country: &str,
    international: &[&str],
    national: &str,
    national_lengths: &str,
    bare_lengths: &str,
) -> DialPlan {
    let prefix = |text: &str| Prefix::from_ascii(text.as_bytes()).expect("prefix");
    let lengths = |text: &str| Lengths::from_ascii(text.as_bytes()).expect("lengths");
    let mut plan = DialPlan {
        country: prefix(country),
        national: prefix(national),
        national_lengths: lengths(national_lengths),
        bare_lengths: lengths(bare_lengths),
        no_leading_zero: u8::from(national == "0"),
        ..DialPlan::NONE
    };
    for (place, text) in plan.international.iter_mut().zip(international) {
        *place = prefix(text);
    }
    plan
}

fn us() -> DialPlan {
    plan("1", &["011"], "1", "10", "10")
}

fn read(plan: &DialPlan, text: &str) -> Option<(String, Way, String)> {
    let reading = plan.read(Dialled::from_text(text).expect("digits"))?;
    Some((reading.number.to_string(), reading.way, reading.prefix.to_string()))
}

fn e164(plan: &DialPlan, text: &str) -> Option<String> {
    read(plan, text).map(|(number, ..)| number)
}

#[test]
fn north_america() {
    let us = us();
    for text in ["+14155551234", "14155551234", "4155551234", "(415) 555-1234", "01114155551234"] {
        assert_eq!(e164(&us, text).as_deref(), Some("14155551234"), "{text}");
    }
    assert_eq!(e164(&us, "011442079460000").as_deref(), Some("442079460000"));
    for text in ["911", "5551234", "1001", "0", "00000000000", "+0123456789"] {
        assert_eq!(e164(&us, text), None, "{text}");
    }
}

#[test]
fn a_north_american_number_has_an_area_and_an_exchange() {
    let us = us();
    for text in [
        "+10000000000",
        "0000000000",
        "+11155551234",
        "+14150551234",
        "+14151551234",
        "1155551234",
        "10155551234",
        "+1415555123",
        "+141555512345",
        "0111415555123",
    ] {
        assert_eq!(e164(&us, text), None, "{text}");
        assert_eq!(e164(&DialPlan::NONE, text), None, "{text}");
    }
    assert_eq!(e164(&us, "+12002000000").as_deref(), Some("12002000000"));
}

#[test]
fn a_national_prefix_of_zero() {
    let gb = plan("44", &["00"], "0", "7 9-10", "9-10");
    for text in ["+442079460000", "02079460000", "2079460000", "442079460000", "00442079460000"] {
        assert_eq!(e164(&gb, text).as_deref(), Some("442079460000"), "{text}");
    }
    assert_eq!(e164(&gb, "999"), None);
    for text in ["+4402079460000", "4402079460000", "004402079460000", "0000000000"] {
        assert_eq!(e164(&gb, text), None, "{text}: the prefix is not dialled behind the code");
    }
    // Another country's numbers may begin with a zero.
    assert_eq!(e164(&gb, "+390669812345").as_deref(), Some("390669812345"));
}

#[test]
fn no_national_prefix() {
    let es = plan("34", &["00"], "", "9", "9");
    assert_eq!(e164(&es, "911234567").as_deref(), Some("34911234567"));
    assert_eq!(e164(&es, "0034911234567").as_deref(), Some("34911234567"));
}

#[test]
fn each_way_is_told() {
    let gb = plan("44", &["00"], "0", "7 9-10", "9-10");
    let told = |text: &str| read(&gb, text).map(|(_, way, prefix)| (way, prefix));
    assert_eq!(told("+442079460000"), Some((Way::Plus, String::new())));
    assert_eq!(told("00442079460000"), Some((Way::International, "00".to_owned())));
    assert_eq!(told("02079460000"), Some((Way::National, "0".to_owned())));
    assert_eq!(told("2079460000"), Some((Way::Bare, String::new())));
    assert_eq!(told("442079460000"), Some((Way::CountryCode, String::new())));
}

#[test]
fn several_international_prefixes() {
    let br = plan("55", &["0014", "0015", "0021", "00"], "0", "8-11", "10-11");
    for text in ["0014442079460000", "0015442079460000", "0021442079460000", "00442079460000"] {
        assert_eq!(e164(&br, text).as_deref(), Some("442079460000"), "{text}");
    }
    // 0014 would leave nine digits behind a 1.
    assert_eq!(e164(&br, "0014155551234").as_deref(), Some("14155551234"));
    let jp = plan("81", &["0033010", "010"], "0", "9-10", "9-10");
    assert_eq!(e164(&jp, "0033010442079460").as_deref(), Some("442079460"));
}

#[test]
fn digits_that_can_be_read_twice() {
    // Variable lengths and a national prefix: 49 is the country code, not an area code without 0.
    let de = plan("49", &["00"], "0", "5-13", "8-11");
    assert_eq!(e164(&de, "4930123456").as_deref(), Some("4930123456"));
    assert_eq!(e164(&de, "3012345678").as_deref(), Some("493012345678"));
    assert_eq!(e164(&de, "4912345"), None, "too short to be told from an extension");
    // One length: no doubt.
    let india = plan("91", &["00"], "0", "8 10-13", "10");
    assert_eq!(e164(&india, "9198765432").as_deref(), Some("919198765432"));
    assert_eq!(e164(&india, "919198765432").as_deref(), Some("919198765432"));
    // No national prefix: the bare number is how they dial.
    let it = plan("39", &["00"], "", "6-12", "8-11");
    assert_eq!(e164(&it, "3931234567").as_deref(), Some("393931234567"));
}

#[test]
fn without_a_country_only_plus_counts() {
    assert_eq!(e164(&DialPlan::NONE, "14155551234"), None);
    assert_eq!(e164(&DialPlan::NONE, "+14155551234").as_deref(), Some("14155551234"));
}

#[test]
fn the_longest_number_is_a_setting() {
    let mut fr = plan("33", &["00"], "0", "9", "9");
    assert_eq!(e164(&fr, "+3310200612345678"), None);
    fr.max_digits = 16;
    assert_eq!(e164(&fr, "+3310200612345678").as_deref(), Some("3310200612345678"));
}

#[test]
fn each_fault_has_its_name() {
    let gb = plan("44", &["00"], "0", "7 9-10", "9-10");
    for (text, fault) in [
        ("+123456", Fault::TooShort),
        ("+1234567890123456", Fault::TooLong),
        ("+0123456789", Fault::ZeroFirst),
        ("+10000000000", Fault::NorthAmerican),
        ("+4402079460000", Fault::ZeroBehindCountry),
    ] {
        let Dialled { nibbles, len, .. } = Dialled::from_text(text).expect("digits");
        assert_eq!(gb.fault(nibbles, len), Some(fault), "{text}");
    }
}

#[test]
fn text_that_is_no_number() {
    for text in ["", "+", "anonymous", "415x", "++1", "1+", "12345678901234567"] {
        assert_eq!(Dialled::from_text(text), None, "{text}");
    }
}

#[test]
fn prefixes_and_lengths_are_read_or_refused() {
    for text in ["", "0", "011", "0033010"] {
        let prefix = Prefix::from_ascii(text.as_bytes()).expect(text);
        assert_eq!(prefix.to_string(), text);
        assert_eq!(prefix.len() as usize, text.len());
    }
    for text in ["00330101", "+1", "1x"] {
        assert_eq!(Prefix::from_ascii(text.as_bytes()), None, "{text}");
    }
    for (text, mask) in [("", 0), ("1", 2), ("9-10", 0x600), ("4 7-8 15", 0x8190)] {
        assert_eq!(Lengths::from_ascii(text.as_bytes()), Some(Lengths(mask)), "{text}");
    }
    for text in ["0", "16", "9-", "10-9", " 9", "9 ", "9,10", "123"] {
        assert_eq!(Lengths::from_ascii(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn lengths_are_counted_in_digits() {
    let lengths = Lengths::from_ascii(b"4 8-9").expect("lengths");
    let has: Vec<_> = (0..40).filter(|len| lengths.has(*len)).collect();
    assert_eq!(has, [4, 8, 9]);
    assert_eq!(lengths.from_shortest_of(Lengths(1 << 7)), Lengths(0x300));
    assert_eq!(lengths.from_shortest_of(Lengths::NONE), Lengths::NONE);
}
