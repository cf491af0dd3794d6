//! The scanner and the parser on single messages of other projects.

use std::{fs, path::Path};

use ani_ebpf::scan::{self, AniHeader, NotPlain, Scratch, StartLine, UserKind};
use ani_user::{
    identity,
    sip::{self, NameAddr},
};

use crate::data;

/// How many files each folder has, and how many of them the scanner calls plain INVITEs: a fall
/// in either is a loss.
const FOLDERS: [(&str, usize, usize); 4] =
    [("torture", 31, 3), ("rfc5118", 7, 1), ("messages", 153, 54), ("sipp", 256, 243)];

#[test]
fn where_the_scanner_says_plain_the_parser_agrees() {
    let Some(folder) = data::folder() else { return };
    let mut counted = Vec::new();
    for (name, _, _) in FOLDERS {
        let files = data::files(&folder.join(name));
        let plain = files.iter().filter(|path| agrees(path)).count();
        println!("{name}: {} files, {plain} plain", files.len());
        counted.push((name, files.len(), plain));
    }
    assert_eq!(counted, FOLDERS);
}

/// Whether the scanner calls the message plain; then it and the parser must agree.
fn agrees(path: &Path) -> bool {
    let message = fs::read(path).expect("message");
    let parsed = sip::invite(&message, false);
    let mut scratch = Scratch::new();
    scratch.load(&message);
    match scan::start_line(&scratch) {
        StartLine::Invite => {}
        StartLine::NotPlain(NotPlain::LeadingCrlf | NotPlain::LineEnd) => {
            assert!(parsed.is_some(), "{}: only the scanner sees an INVITE", path.display());
            return false;
        }
        StartLine::NotPlain(_) | StartLine::Other => return false,
    }
    let parsed = parsed.unwrap_or_else(|| panic!("{}: only the scanner", path.display()));
    let order = [AniHeader::PAssertedIdentity, AniHeader::RemotePartyId, AniHeader::From];
    let scanned = scan::invite(&scratch, [Some(order[0]), Some(order[1]), Some(order[2]), None]);
    let Ok(plain) = scanned else { return false };

    let profile = identity::Profile {
        order: &order,
        dial_plan: ani_ebpf::dial_plan::DialPlan::NONE,
        trusted: true,
    };
    let identity = identity::identify(&parsed, &profile);
    assert_eq!(plain.ani_header, identity.source, "{}", path.display());
    let caller = match plain.ani_header {
        Some(AniHeader::PAssertedIdentity) => parsed.p_asserted_identity.first(),
        Some(AniHeader::RemotePartyId) => parsed.remote_party_id.first(),
        Some(AniHeader::From) => parsed.from.as_ref(),
        None => None,
    };
    let digits = |user: scan::User| {
        user.digits().map(|digits| {
            format!("{}{}", if digits.plus { "+" } else { "" }, digits.digits())
        })
    };
    let number = |user: Option<&[u8]>| {
        let user = sip::lossy(user?);
        let bare = user.strip_prefix('+').unwrap_or(&user);
        (!bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit())).then_some(user)
    };
    let user = |name: Option<&NameAddr<'_>>| number(name.and_then(|name| name.uri.user));
    assert_eq!(digits(plain.caller), user(caller), "caller of {}", path.display());
    assert_eq!(digits(plain.called), number(parsed.request.user), "called of {}", path.display());
    if plain.caller.kind == UserKind::Anonymous {
        assert_eq!(identity.ani, None, "{}", path.display());
    }
    let in_dialog = parsed.to.as_ref().and_then(NameAddr::tag).is_some();
    assert_eq!(plain.in_dialog, in_dialog, "{}", path.display());
    assert!(parsed.call_id.is_some(), "{}: Call-ID", path.display());
    true
}

#[test]
fn torture_messages_are_what_the_rfcs_say() {
    let Some(folder) = data::folder() else { return };
    let mut invites = 0;
    for row in data::table(&folder.join("torture/expected.tsv")) {
        let name = &row["file"];
        let message = fs::read(folder.join(name)).expect("message");
        let parsed = sip::invite(&message, false);
        assert_eq!(parsed.is_some(), row["method"] == "INVITE", "{name}");
        let Some(parsed) = parsed else { continue };
        invites += 1;
        let valid = row["rfc_section_verdict"].ends_with(" valid")
            || row["rfc_section_verdict"].contains("valid ") && !row["rfc_section_verdict"].contains("invalid");
        assert_eq!(parsed.faults.is_empty(), valid, "{name}: {:?}", words(&parsed));

        let user = |name: &Option<NameAddr<'_>>| {
            name.as_ref().and_then(|name| name.uri.user).map(sip::lossy).unwrap_or_default()
        };
        expect(name, &row["from_user"], &user(&parsed.from));
        expect(name, &row["to_user"], &user(&parsed.to));
        expect(name, &row["ruri_user"], &parsed.request.user.map(sip::lossy).unwrap_or_default());
        expect(name, &row["call_id"], &parsed.call_id.map(sip::lossy).unwrap_or_default());
    }
    assert_eq!(invites, 11);
}

fn words(parsed: &sip::Invite<'_>) -> Vec<&'static str> {
    parsed.faults.words().collect()
}

/// `expected` is a value, `decoded (raw value)`, `start...`, `word x5`, or a remark that nothing
/// can be said for sure.
fn expect(name: &str, expected: &str, found: &str) {
    if let Some((_, raw)) = expected.split_once("(raw ") {
        assert_eq!(found, raw.trim_end_matches(')'), "{name}");
    } else if let Some(start) = expected.strip_suffix("...") {
        assert!(found.starts_with(start), "{name}: {found} should start with {start}");
    } else if let Some((word, times)) = expected.split_once(" x") {
        assert_eq!(found, word.repeat(times.parse().expect("number")), "{name}");
    } else if expected == "(missing)" {
        assert_eq!(found, "", "{name}");
    } else if !expected.starts_with('(') && !expected.starts_with("AMBIGUOUS") {
        assert_eq!(found, expected, "{name}");
    }
}
