//! The dial plan of every country, in the kernel as on the host.

use std::fmt::Write as _;

use ani_ebpf::{abi::number::Number, dial_plan::Dialled};
use ani_tests::invite::Invite;
use ani_user::config::countries::COUNTRIES;

use crate::harness::{CONFIG, Harness};

/// A number that is valid behind any prefix.
const ABROAD: &str = "442079460000";

/// Digits of numbers, and those that look like none; each is cut to each length.
const DIGITS: [&str; 4] =
    ["2345678923456789", "0123456789012345", "9999999999999999", "0000000000000000"];

#[test]
fn kernel_and_host_dial_alike_in_every_country() {
    let (head, _) = CONFIG.split_once("[[trunk]]").expect("trunks");
    let mut text = head.to_owned();
    let source = |at: usize| format!("10.{}.{}.1", at / 256, at % 256);
    for (at, country) in COUNTRIES.iter().enumerate() {
        let (code, source) = (country.code, source(at));
        writeln!(text, "[[trunk]]\nname = '{code}'\nsources = ['{source}']\ncountry = '{code}'")
            .expect("a string");
    }
    let mut harness = Harness::with(&text);
    let (mut numbers, mut others) = (0, 0);
    for (at, country) in COUNTRIES.iter().enumerate() {
        let plan = country.dial_plan();
        let mut dialled = vec![format!("+{ABROAD}"), ABROAD.to_owned()];
        let used = plan.international.into_iter().filter(|prefix| !prefix.is_empty());
        dialled.extend(used.map(|prefix| format!("{prefix}{ABROAD}")));
        for digits in DIGITS {
            for len in [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16] {
                dialled.push(digits[..len].to_owned());
                dialled.push(format!("{}{}", plan.national, &digits[..len]));
                dialled.push(format!("{}{}", plan.country, &digits[..len]));
            }
        }
        for user in dialled.iter().filter(|user| user.len() <= 16) {
            let expected = Dialled::from_text(user).and_then(|dialled| plan.e164(dialled));
            let run = harness.invite(&source(at), &Invite::from(user));
            let header = run.header();
            assert_eq!(usize::from(header.trunk), at, "{}", country.code);
            assert_eq!(header.ani, expected.unwrap_or(Number::NONE), "{user} in {}", country.code);
            match expected {
                Some(_) => numbers += 1,
                None => others += 1,
            }
        }
    }
    println!("{numbers} numbers, {others} that are none");
    assert!(numbers > 5_000 && others > 5_000, "{numbers} numbers, {others} that are none");
}
